"""The engine: stage contract, ports, wiring, scheduler, ledger, metrics. Knows no stage by name."""

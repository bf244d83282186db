"""What README's performance table is made of: ratios from one interleaved run, peers beside us.

``python -m benchmarks`` runs all, prints the table and writes it to docs/benchmarks.md.
"""

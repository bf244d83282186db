"""The fault table: what the cases of tests/faults measured, gathered from all workers, printed at the end.

A case says what it found with the fixture `record`. ``python -m tests.faults --table docs/faults.md`` runs
the suite and writes the page from that run.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

#: the name under which figures travel from a worker to whoever started it
_KEY = "fault"
#: what every case looks for in all that it wrote, printed, logged and answered
SEARCH = "camera password found"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value: ``stall seen 2.1 s, at most 2.5``."""

    case: str
    on: str
    what: str
    value: float
    unit: str
    #: "<= 2.5", ">= 95", "= 0", or empty where there is none
    goal: str = ""

    @property
    def kept(self) -> bool:
        """Whether the goal was reached."""
        if not self.goal:
            return True
        sign, _, number = self.goal.partition(" ")
        limit = float(number)
        return {"<=": self.value <= limit, ">=": self.value >= limit, "=": self.value == limit}[sign]

    def __str__(self) -> str:
        goal = f" (goal {self.goal} {self.unit})" if self.goal else ""
        return f"{self.what}: {_number(self.value)} {self.unit}{goal}{'' if self.kept else ' MISSED'}"


@dataclass
class Table:
    """Everything a run of the suite found."""

    figures: list[Figure] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    #: seconds of all cases together, which ran side by side
    seconds: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Take what a test's report carries."""
        if "tests/faults/" not in report.nodeid:
            return
        self.seconds += report.duration
        for name, value in report.user_properties if report.when == "teardown" else []:
            if name == _KEY:
                self.figures.append(Figure(**value))  # type: ignore[arg-type]  # a dict that we made
        if report.when == "call" or report.outcome != "passed":
            title = (
                report.nodeid.partition("[")[0].rpartition("::")[2].removeprefix("test_").replace("_", " ")
            )
            on = report.nodeid.partition("[")[2].rstrip("]")
            self.outcomes[f"{title}|{on}"] = report.outcome

    def summary(self) -> Iterator[str]:
        """What was promised, each with the worst that was found anywhere, in Markdown."""
        yield "| promise | worst | goal | measured | missed |"
        yield "|---|---|---|---|---|"
        for what, unit, goal in dict.fromkeys((f.what, f.unit, f.goal) for f in self.figures if f.goal):
            found = [f for f in self.figures if (f.what, f.unit, f.goal) == (what, unit, goal)]
            values = [f.value for f in found]
            worst = min(values) if goal.startswith(">=") else max(values)
            missed = sum(not f.kept for f in found) or ""
            cells = [what, f"{_number(worst)} {unit}", f"{goal} {unit}", f"{len(values)} times", f"{missed}"]
            yield f"| {' | '.join(cell.strip() for cell in cells)} |"

    def lines(self) -> Iterator[str]:
        """The table in Markdown: one line a figure, but for searches that found no password."""
        yield "| fault | on | what | measured | goal | kept |"
        yield "|---|---|---|---|---|---|"
        for figure in self.told:
            goal = f"{figure.goal} {figure.unit}".strip() if figure.goal else ""
            kept = ("yes" if figure.kept else "**no**") if figure.goal else ""
            value = f"{_number(figure.value)} {figure.unit}".strip()
            yield f"| {figure.case} | {figure.on} | {figure.what} | {value} | {goal} | {kept} |"

    @property
    def told(self) -> list[Figure]:
        """Figures case by case, without what every case looks for and none found."""
        cases = list(dict.fromkeys(f.case for f in self.figures))
        found = [f for f in self.figures if f.what != SEARCH or f.value]
        return sorted(found, key=lambda f: (cases.index(f.case), f.on))

    def verdict(self) -> str:
        """How many cases passed, and which did not."""
        counts = {o: list(self.outcomes.values()).count(o) for o in ("passed", "failed", "skipped")}
        missed = [f for f in self.figures if not f.kept]
        parts = [f"{n} {outcome}" for outcome, n in counts.items() if n]
        parts.append(
            f"{sum(bool(f.goal) for f in self.figures) - len(missed)} goals kept, {len(missed)} missed"
        )
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"outcomes": self.outcomes, "figures": [asdict(f) | {"kept": f.kept} for f in self.figures]}


TABLE = Table()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Called wherever results are gathered, also where workers ran the tests."""
    TABLE.add(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, and leave it where FAULTS_JSON says."""
    if not TABLE.figures or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    terminalreporter.section("fault table")
    for case in dict.fromkeys((f.case, f.on) for f in TABLE.told):
        terminalreporter.write_line(f"{case[0]} [{case[1]}]" if case[1] else case[0])
        for figure in TABLE.told:
            if (figure.case, figure.on) == case:
                terminalreporter.write_line(f"    {figure}")
    searches = [f.value for f in TABLE.figures if f.what == SEARCH]
    terminalreporter.write_line(f"{SEARCH}: {sum(searches):g} times in {len(searches)} cases")
    terminalreporter.write_line(TABLE.verdict())
    if target := os.environ.get("FAULTS_JSON"):
        Path(target).write_text(json.dumps(TABLE.to_json(), indent=1), encoding="utf-8")


class Recorder:
    """What the fixture `record` is: notes figures of one case."""

    def __init__(self, item: pytest.Item, case: str) -> None:
        self._item, self._case = item, case
        #: which line of a test's table it is
        self._row = item.name.partition("[")[2].rstrip("]")

    def __call__(self, what: str, value: float, unit: str = "", goal: str = "", on: str = "") -> None:
        """Note one value, of one camera or the like; `goal` is "<= 2.5", ">= 95" or "= 0"."""
        where = ": ".join(part for part in (self._row, on) if part)
        figure = Figure(self._case, where, what, round(float(value), 4), unit, goal)
        self._item.user_properties.append((_KEY, asdict(figure)))

    @property
    def figures(self) -> Sequence[Figure]:
        """What has been noted so far."""
        return [Figure(**value) for name, value in self._item.user_properties if name == _KEY]  # type: ignore[arg-type]  # as above


def page(found: dict[str, Any], seconds: float) -> str:
    """docs/faults.md from what `Table.to_json` gave."""
    table = Table([Figure(**{k: v for k, v in f.items() if k != "kept"}) for f in found["figures"]])
    table.outcomes = found["outcomes"]
    by_case: dict[str, list[str]] = {}
    for key, outcome in table.outcomes.items():
        by_case.setdefault(key.partition("|")[0], []).append(outcome)
    lines = [
        "# Faults",
        "",
        "What goes wrong with cameras, disks, brokers and stages, and what it costs here. Every line is from",
        "one run of the fault suite, which starts real servers in processes of their own on loopback; they",
        "paint the time of sending into every picture, so that ages are measured from end to end.",
        "",
        f"`python -m tests.faults --table docs/faults.md` on {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}: {table.verdict()}; {seconds:.0f} s for the whole suite, "
        f"{found.get('again', 0)} cases were tried a second time, by themselves.",
        "",
        "## What is promised, and the worst that was found",
        "",
        *table.summary(),
        "",
        "## Every figure",
        "",
        *table.lines(),
        "",
        "## Cases",
        "",
        "| case | result |",
        "|---|---|",
        *(
            f"| {case} | {', '.join(f'{outcomes.count(o)} {o}' for o in dict.fromkeys(outcomes))} |"
            for case, outcomes in by_case.items()
        ),
        "",
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"

"""configs/alarm_rules.yaml, and what docs/events.md says of it: it runs, and its commands do."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest

from vidstream import builtin
from vidstream.cli import main
from vidstream.config import loads

ROOT = Path(__file__).resolve().parents[2]
#: what the page's rules look at
BEFORE = """graph:
  move: {use: detect.motion}
  track: {use: track.sort}
  zone: {use: count.zone, zones: {door: [[0, 0], [1, 0], [1, 1]]}}
"""
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_alarms_are_raised_and_the_page_tells_how_to_ask_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs").mkdir()
    shutil.copy(ROOT / "configs" / "alarm_rules.yaml", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "configs/alarm_rules.yaml", "--quiet", "--duration", "20s"]) == 0
    assert (tmp_path / "alarms" / "people.mp4").stat().st_size > 100_000
    capsys.readouterr()
    assert main(["events", "alarms/events.db", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    alarms = Counter((row["kind"], row["name"]) for row in rows if row["kind"].startswith("alert_"))
    for rule in ("crowd", "loiter", "rush"):  # whether it is night, the test does not know
        assert alarms["alert_started", rule] == alarms["alert_ended", rule] > 0
    assert {row["name"] for row in rows if row["kind"] == "zone_entered"} == {"square", "door"}
    (loiter, *_) = (row for row in rows if (row["kind"], row["name"]) == ("alert_started", "loiter"))
    assert loiter["data"]["value"] > loiter["data"]["threshold"] == 5
    assert loiter["track"] > 0
    for command in commands():
        assert main(shlex.split(command)) == 0, command
        out, err = capsys.readouterr()
        assert len(out.splitlines()) > 1 or "--until" in command or "--track " in command
        assert err in ("", "nothing found\n")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert "loiter {'value':" in capsys.readouterr().out


def commands() -> list[str]:
    block = PAGE.partition("## Asking\n\n```\n")[2].partition("```")[0]
    return [line.removeprefix("python run.py ") for line in block.splitlines() if "--follow" not in line]


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_yaml_of_the_page(text: str) -> None:
    head = "version: 1\nsource: synthetic:people\n"
    if not text.startswith("graph:"):
        text = BEFORE + "".join(f"  {line}\n" for line in text.splitlines())
    loads(head + text, builtin.registry())

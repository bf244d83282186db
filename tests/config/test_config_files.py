"""Files: what can be wrong with them, includes, and limits that keep a hostile one harmless."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vidstream.config import load, loads
from vidstream.errors import ConfigError, VidstreamError
from vidstream.graph.registry import Registry

GOOD = "source: clip.mp4\ngraph: {det: detect.dnn}\n"


@pytest.fixture
def fault(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The message for a file of the temporary folder, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def fault(name: str = "g.yaml", **given: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(Path(name), registry, environ={}, **given)  # type: ignore[arg-type]  # only `source` is given
        return str(caught.value)

    return fault


def test_a_config_error_is_one_of_ours_and_a_value_error(registry: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        loads("graph: {a: b}", registry)
    assert isinstance(caught.value, VidstreamError)
    assert isinstance(caught.value, ValueError)
    assert [(p.line, p.where) for p in caught.value.problems] == [(0, ""), (1, "graph.a")]


UNREADABLE = [
    ("a file that is missing", None, "g.yaml: does not exist; check the path"),
    (
        "a byte that is not UTF-8",
        b"source: clip.mp4\ngraph: {det: d\xe9tect}\n",
        "g.yaml: is not UTF-8: byte 0xE9 in line 2; save it as UTF-8",
    ),
    (
        "UTF-16",
        GOOD.encode("utf-16"),
        "g.yaml: is not UTF-8: byte 0xFF in line 1; save it as UTF-8",
    ),
    (
        "a picture",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "g.yaml: is not UTF-8: byte 0x89 in line 1; save it as UTF-8",
    ),
    (
        "an empty file",
        b"",
        "g.yaml: the file is empty; begin with 'source:' and 'graph:', each on a line of its own",
    ),
    (
        "null bytes",
        b"\0" * 100,
        "g.yaml:1:1: the character U+0000 cannot stand in YAML; is this a text file? take it away\n"
        f"    1 | {'?' * 100}\n      | ^",
    ),
    ("ten megabytes", b"a: b\n" * 2_000_000, "g.yaml: is larger than 1048576 bytes; is this the right file?"),
]


@pytest.mark.parametrize(("data", "expected"), [c[1:] for c in UNREADABLE], ids=[c[0] for c in UNREADABLE])
def test_unreadable_files(data: bytes | None, expected: str, fault: Callable[..., str]) -> None:
    if data is not None:
        Path("g.yaml").write_bytes(data)
    assert fault() == expected


def test_a_folder_a_pipe_and_an_endless_name(fault: Callable[..., str]) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    assert fault("folder") == "folder: is a folder; name a YAML file in it"
    assert fault("pipe") == "pipe: is not a regular file; name a YAML file"
    assert fault("/dev/null") == "/dev/null: is not a regular file; name a YAML file"
    assert fault("n" * 300).endswith(": cannot be read: File name too long; check the path")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_without_permission(fault: Callable[..., str]) -> None:
    Path("g.yaml").write_text(GOOD)
    Path("g.yaml").chmod(0)
    assert fault() == "g.yaml: cannot be read: Permission denied; check its permissions"


def test_a_byte_order_mark_and_foreign_line_ends_are_fine(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_bytes(b"\xef\xbb\xbfsource: clip.mp4\r\ngraph:\r\n  det: {use: detect.dnn, conf: 1}\r\n")
    with pytest.raises(ConfigError) as caught:
        load(path, registry)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (3, 26)


def test_links_in_a_circle_and_null_characters(fault: Callable[..., str]) -> None:
    Path("g.yaml").symlink_to("h.yaml")
    Path("h.yaml").symlink_to("g.yaml")
    assert fault() == "g.yaml: does not exist; check the path"
    Path("main.yaml").write_text(f'include: [g.yaml, "a\\0b.yaml"]\n{GOOD}')
    assert fault("main.yaml").count("does not exist, or is not a regular file") == 2
    assert fault("a\0b") == "a?b: does not exist; check the path"


# -- includes ---------------------------------------------------------------------------------------------


def write(**files: str) -> None:
    """Files of the current folder; two underscores stand for a slash."""
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_includes_merge_deeply_and_later_wins(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        g="include: [parts/base, parts/more]\n".replace("base", "base.yaml").replace("more", "more.yaml")
        + "source: clip.mp4\nvars: {conf: 0.3}\ngraph:\n  track: {coast: 2s}\n  last: draw.overlay\n",
        parts__base="include: deep.yaml\nvars: {conf: 0.1, model: m}\n"
        "graph:\n  det: {use: detect.dnn, confidence: '${conf}', classes: [a, b]}\n  track: track.sort\n",
        parts__more="graph:\n  det: {classes: [c]}\n",
        parts__deep="run: {mode: live}\nvars: {model: deepest}\n",
    )
    loaded = load(Path("g.yaml"), registry)
    det, track, last = loaded.description.plans[0].stages
    assert [det.id, track.id, last.id] == ["det", "track", "last"]
    assert (det.params.confidence, det.params.classes, track.params.coast) == (0.3, ("c",), 2.0)
    assert loaded.description.run.mode == "live"


def test_faults_name_the_file_they_stand_in_and_all_files_are_looked_at(fault: Callable[..., str]) -> None:
    write(
        g="include: [a.yaml, b.yaml]\nsource: clip.mp4\ngraph:\n  det: {use: detect.dnn, model: 3}\n",
        a="graph:\n  det: {confidense: 1}\n",
        b="graph: [a\n",
    )
    assert fault() == (
        "a.yaml:2:9: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?\n"
        "    2 |   det: {confidense: 1}\n"
        "      |         ^^^^^^^^^^\n"
        "b.yaml:1:8: a '[' is not closed, or a ',' is missing; close it with ']'\n"
        "    1 | graph: [a\n"
        "      |        ^\n"
        "g.yaml:4:33: graph.det.model: expected a text, got 3; put it in quotes\n"
        "    4 |   det: {use: detect.dnn, model: 3}\n"
        "      |                                 ^"
    )


def test_a_file_that_includes_itself_over_another(fault: Callable[..., str]) -> None:
    write(g=f"include: a.yaml\n{GOOD}", a="include: g.yaml\n")
    assert fault() == (
        "a.yaml:1:10: include: includes itself: g.yaml -> a.yaml -> g.yaml\n"
        "    1 | include: g.yaml\n"
        "      |          ^^^^^^"
    )


def test_includes_in_each_other_are_limited(fault: Callable[..., str]) -> None:
    write(g=f"include: f0.yaml\n{GOOD}", **{f"f{i}": f"include: f{i + 1}.yaml\n" for i in range(40)})
    assert "more than 64 files, or 16 inside each other" in fault()


def test_a_file_included_twice_is_read_once(registry: Registry, tmp_path: Path) -> None:
    for i in range(15):  # were each read as often as it is included, these would be 2 ** 15 files
        (tmp_path / f"f{i}.yaml").write_text(f"include: [f{i + 1}.yaml, f{i + 1}.yaml]\n")
    (tmp_path / "f15.yaml").write_text(GOOD)
    assert load(tmp_path / "f0.yaml", registry).description.plans[0].stages[0].id == "det"


def test_paths_start_from_the_main_file(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"x")
    (tmp_path / "g.yaml").write_text("source: clip.mp4\ngraph: {draw: {use: draw.overlay, font: font.ttf}}\n")
    loaded = load(tmp_path / "g.yaml", registry)
    assert loaded.description.plans[0].stages[0].params.font == tmp_path / "font.ttf"


# -- hostile texts ----------------------------------------------------------------------------------------


DET = "graph: {det: {use: detect.dnn, "
LETTERS = list(zip("abcdefgh", "bcdefghi", strict=True))


def bomb(first: str, line: str) -> str:
    """Nine variables, each nine times the one before."""
    lines = [f"  {after}: " + line.format(before=before, after=after) for before, after in LETTERS]
    return "\n".join(["vars:", f"  a: {first}", *lines, "source: a.mp4", ""])


def chain(value: str) -> str:
    """Five hundred variables, each refers to the next."""
    lines = "\n".join(f"  v{i}: {value.format(f'${{v{i + 1}}}')}" for i in range(500))
    return f"vars:\n{lines}\n  v500: 1\nsource: a.mp4\n{DET}model: '${{v0}}'}}}}\n"


def several(count: int, entry: str) -> str:
    return "{" + "".join(f"k{i}: {entry}, " for i in range(count)) + "}\n"


HOSTILE = [
    (
        "a billion laughs by aliases",
        bomb("&a [x, x, x]", "&{after} [" + "*{before}, " * 9 + "]") + "graph: *i\n",
        "aliases expand",
    ),
    (
        "a billion laughs by variables",
        bomb("[x, x, x]", "[" + "'${{{before}}}', " * 9 + "]") + DET + "classes: '${i}'}}\n",
        "variables expand",
    ),
    (
        "a billion laughs inside texts",
        bomb("xxxxxxxxx", "'" + "${{{before}}}" * 9 + "'") + DET + "model: '${i}'}}\n",
        "1048576 characters",
    ),
    ("variables in a long chain", chain('"{}"'), "levels"),
    ("deep lists in a long chain", chain('[[[[[[[[[[[[[[["{}"]]]]]]]]]]]]]]]'), "levels"),
    ("lists nested ten thousand times", "graph: " + "[" * 10_000, "nested deeper than 32 levels"),
    ("mappings nested ten thousand times", "graph: " + "{a: " * 10_000, "nested deeper than 32 levels"),
    ("block lists nested ten thousand times", "- " * 10_000 + "x", "nested deeper than 32 levels"),
    ("a list of half a million", "graph: [" + "1," * 500_000 + "]", "more than 20000 values"),
    ("keys without end", "".join(f"k{i}: 1\n" for i in range(90_000)), "more than 20000 values"),
    ("options without end", f"source: a.mp4\ngraph: {{a: {several(9000, '1')}}}", "'use' is missing"),
    ("unknown options without end", f"source: a.mp4\nrun: {several(9000, '1')}", "unknown option"),
    ("stages without end", f"source: a.mp4\ngraph: {several(9000, 'track.sort')}", "more than 500 stages"),
    (
        "sources without end",
        f"version: 1\nsources: {several(9000, 'a.mp4')}{GOOD[17:]}",
        "more than 500 sources",
    ),
    (
        "many sources with many stages",
        f"version: 1\nsources: {several(400, 'a.mp4')}graph: {several(400, 'detect.dnn')}",
        "more than 10000 stages",
    ),
    ("a number of a million digits", "version: " + "9" * 1_000_000 + "\n" + GOOD, "reads version 1"),
    ("a number too large for a float", f"{DET}confidence: 0x{'f' * 400}}}}}", "expected a number"),
    ("a word of a million letters", "graph: " + "a" * 1_000_000, "expected a mapping"),
    ("an anchor within itself", "graph: &a [*a]", "inside its own anchor"),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_a_hostile_text_is_refused_in_little_time(text: str, expected: str, registry: Registry) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=expected) as caught:
        loads(text, registry)
    assert time.process_time() - start < 5.0
    assert len(str(caught.value)) < 100_000

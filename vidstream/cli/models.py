"""`models`: what networks there are, and getting, checking and adding them."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from vidstream.cli.models_export import add_action as add_export
from vidstream.cli.options import add_command
from vidstream.errors import UsageError, VidstreamError

if TYPE_CHECKING:
    from detectors.catalogue import Card

#: what a shell gives for a program that was interrupted
_INTERRUPTED = 130


def add_commands(commands: Any) -> None:
    """Add `models` and its actions."""
    from detectors.catalogue.card import Task, Terms

    parser = add_command(commands, "models", list_models, "list, show, fetch, verify and add networks")
    parser.set_defaults(task=None, json=False)
    actions = parser.add_subparsers(title="actions", metavar="(default: list)")

    action = _action(actions, "list", list_models, "list what is known, and what is here")
    action.add_argument("--task", choices=get_args(Task), help="only networks for this")
    action.add_argument("--json", action="store_true", help="for programs")

    action = _action(actions, "show", show_models, "everything about networks, and how to use them")
    action.add_argument("names", nargs="+", metavar="NAME")
    action.add_argument("--json", action="store_true", help="for programs")

    action = _action(actions, "fetch", fetch_models, "get networks: nothing is downloaded otherwise")
    action.add_argument("names", nargs="*", metavar="NAME")
    action.add_argument("--task", choices=get_args(Task), help="all networks for this")
    action.add_argument("--all", action="store_true", help="all networks")

    action = _action(actions, "verify", verify_models, "check files by size and SHA-256")
    action.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")

    action = _action(actions, "add", add_model, "make a network of your own known by a name")
    action.add_argument("file", type=Path, help="network; .cfg, .prototxt, .pbtxt beside it is found")
    action.add_argument("--name", default="", help="default: the file's name")
    action.add_argument("--task", choices=get_args(Task), help="what it is for, if that is not clear")
    action.add_argument("--family", default="auto", help="how its outputs are read: yolov8, ssd, ...")
    action.add_argument("--names", type=Path, metavar="FILE", help="class names, one per line")
    action.add_argument("--licence", default="not known", help="as a text")
    action.add_argument("--terms", choices=get_args(Terms), default="unknown", help="the same in one word")
    add_export(actions)


def _action(actions: Any, name: str, act: Callable[[argparse.Namespace], int], what: str) -> Any:
    parser = actions.add_parser(name, help=what, description=what)
    parser.set_defaults(act=act)
    return parser


def list_models(options: argparse.Namespace) -> int:
    """Print a table by task."""
    from detectors import catalogue
    from vidstream.cli.models_text import as_json, listing

    known = [e for e in catalogue.entries() if options.task in (None, e.card.task)]
    print(as_json(known) if options.json else listing(known))
    return 0


def show_models(options: argparse.Namespace) -> int:
    """Print the pages of some."""
    from detectors import catalogue
    from vidstream.cli.models_text import as_json, page

    known = [catalogue.entry(name) for name in options.names]
    print(as_json(known) if options.json else "\n\n".join(map(page, known)))
    return 0


def fetch_models(options: argparse.Namespace) -> int:
    """Fetch some; gives 1 where one of them failed."""
    from detectors import catalogue
    from vidstream.cli.models_text import FetchLine, can_be_fetched, terms_note

    names = list(options.names)
    if options.all or options.task:
        wanted = (e.card for e in catalogue.entries() if options.task in (None, e.card.task))
        names += [card.name for card in wanted if can_be_fetched(card)]
    if not names:
        raise UsageError(
            "models fetch: which?", fix="give names, --task TASK or --all; 'models list' shows them"
        )
    line = FetchLine(sys.stderr)

    def fetch(name: str) -> str:
        if note := terms_note(catalogue.card(name)):
            print(note, file=sys.stderr)
        try:
            return ", ".join(map(str, catalogue.fetch(name, report=line.show)))
        finally:
            line.close()

    try:
        return _each(dict.fromkeys(names), fetch)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return _INTERRUPTED


def verify_models(options: argparse.Namespace) -> int:
    """Check some; gives 1 where one of them is not as its card says."""
    from detectors import catalogue

    names = options.names or [e.card.name for e in catalogue.entries() if e.paths is not None]
    return _each(names, lambda name: f"whole: {catalogue.verify(name)}")


def add_model(options: argparse.Namespace) -> int:
    """Describe a file, and keep it with its card."""
    from detectors import catalogue
    from detectors.catalogue.card import Task

    card, files = _describe(options, (options.task,) if options.task else get_args(Task))
    card = dataclasses.replace(card, licence=options.licence, terms=options.terms)
    path = catalogue.add(files, card)
    print(f"{card.name}: {card.task}, family {card.family}, {card.input.width} x {card.input.height}: {path}")
    print(f"see it with: python run.py models show {card.name}")
    return 0


def _describe(options: argparse.Namespace, tasks: Sequence[Any]) -> tuple[Card, Any]:
    """A card for the file named, by the rules of its task, and its bytes by role."""
    from detectors.catalogue.card import read_bytes
    from detectors.dnn.network import NetworkOption
    from detectors.text.models import TextOption
    from detectors.vision.option import TASKS as VISION
    from detectors.vision.option import VisionOption
    from vidstream.types.values import ModelName

    names: Sequence[str] = ()
    if options.names:
        names = read_bytes(options.names, f"--names {options.names}").decode("utf-8", "replace").splitlines()
    task = options.task or ""
    kind = VisionOption if task in VISION else TextOption if task.startswith("text-") else NetworkOption
    option = kind(model=ModelName(str(options.file)), family=options.family, names=tuple(names))
    card, data = option.describe(tasks)
    if not options.name:
        return card, data
    ends = {role: Path(entry.file).suffix for role, entry in card.files.items()}
    files = {r: dataclasses.replace(f, file=f"{options.name}{ends[r]}") for r, f in card.files.items()}
    return dataclasses.replace(card, name=options.name, files=files), data


def _each(names: Any, act: Callable[[str], str]) -> int:
    failed = 0
    for name in names:
        try:
            print(f"{name}: {act(name)}")
        except VidstreamError as error:
            failed = 1
            print(error, file=sys.stderr)
    return failed

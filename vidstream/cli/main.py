"""Commands, their options, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vidstream import __version__
from vidstream.errors import ConfigError, VidstreamError
from vidstream.types.values import redact

#: what a wrong configuration or command line gives, and any other error
USAGE, FAILED = 2, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return USAGE
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in step with what goes to stderr, also in a pipe
    logging.basicConfig(format="%(message)s", level=logging.INFO if options.verbose else logging.WARNING)
    if options.models:
        os.environ["VIDSTREAM_MODELS"] = str(options.models)
    try:
        from vidstream.environment import check_opencv

        if options.command != "doctor":
            check_opencv()
        code: int = options.act(options)
        return code
    except VidstreamError as error:
        print(error if isinstance(error, ConfigError) else redact(str(error)), file=sys.stderr)
        return USAGE if isinstance(error, ValueError) else FAILED
    except BrokenPipeError:  # the reader of our output went away, as with `| head`
        sys.stdout = None  # nothing may be flushed to it any more
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Video analytics from one YAML file: live cameras and recordings alike."
    )
    parser.add_argument("--version", action="version", version=f"vidstream {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log notices as they come")
    parser.add_argument("--models", type=Path, metavar="DIR", help="look for model files here first")
    parser.add_argument(
        "--plugin",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file with your stages",
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="")
    # imported here, so that `run.py --help` needs no OpenCV and each command only what it uses
    from vidstream.cli import (
        configure,
        demo,
        doctor,
        events,
        faces,
        models,
        running,
        soak,
        stages,
        train,
        tune,
    )
    from vidstream.cli import eval as evaluation

    for module in (
        *(demo, running, events, soak, configure, stages, models),
        *(evaluation, tune, train, faces, doctor),
    ):
        module.add_commands(commands)
    return parser

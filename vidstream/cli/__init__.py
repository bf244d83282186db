"""The command line: ``python run.py COMMAND``."""

from vidstream.cli.main import main

__all__ = ["main"]

#!/usr/bin/env python3
"""The door: ``python run.py run configs/people.yaml``. Everything behind it is in vidstream.cli."""

import sys

from vidstream.cli import main

if __name__ == "__main__":
    sys.exit(main())

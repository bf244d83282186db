"""The build backend; it must lie inside the project's folder, so this file fetches the shared one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stand_in import build_wheel  # noqa: F401 - found through the line above; the installer calls it

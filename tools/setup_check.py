"""The last step of set-up: is OpenCV whole? On the way the modules that the demo imports are compiled."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vidstream.environment import check_opencv
from vidstream.errors import VidstreamError

if __name__ == "__main__":
    try:
        check_opencv()
    except VidstreamError as error:
        sys.exit(f"set-up: {error}")
    for module in ("av", "scipy.optimize", "yaml", "PIL.ImageFont"):
        importlib.import_module(module)

#!/usr/bin/env bash
# Build OpenCV with CUDA from the package's own source, and put it in the place of the one in .venv.
#   tools/build_opencv_cuda.sh --dry-run    say what is here, what is missing, and what would be done
#   tools/build_opencv_cuda.sh              do it: half an hour to two hours; run again, it goes on where it stopped
# See docs/engines.md. PYTHON=... names the Python of another environment than .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" tools/build_opencv_cuda.py "$@"

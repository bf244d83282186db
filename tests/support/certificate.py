"""A certificate that no public authority has signed, for servers on loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path

_COMMAND = """openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2
 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -out cert.pem -keyout key.pem"""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """The certificate's and the key's file, made by OpenSSL's own program."""
    folder.mkdir(exist_ok=True)
    subprocess.run(_COMMAND.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"

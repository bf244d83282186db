"""How long Darknet weights have to be for their cfg file: OpenCV reads a file cut short without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

_SECTION = re.compile(r"^\s*\[(\w+)\]")
_SETTING = re.compile(r"^\s*(\w+)\s*=\s*([^#]*)")
_FLOAT = 4
#: layers without weights that pass the number of channels on
_PASSING = {"maxpool", "avgpool", "upsample", "shortcut", "yolo", "region", "dropout", "softmax"}

_Layer: TypeAlias = tuple[str, Mapping[str, str]]


def weights_size(config: bytes) -> int:
    """Bytes of weights behind the header; 0 where the cfg has layers that are not known here.

    J. Redmon, darknet, src/parser.c: load_convolutional_weights.
    """
    try:
        (_, net), *layers = list(_layers(config))
        channels: list[int] = []
        numbers, before = 0, int(net.get("channels", "3"))
        for kind, options in layers:
            if kind == "convolutional":
                filters, size = int(options["filters"]), int(options["size"])
                groups, normed = int(options.get("groups", "1")), int(options.get("batch_normalize", "0"))
                numbers += filters * (before // groups) * size * size + filters * (4 if normed else 1)
                before = filters
            elif kind == "route":
                at = [int(number) for number in options["layers"].split(",")]
                found = sum(channels[i if i >= 0 else len(channels) + i] for i in at)
                before = found // int(options.get("groups", "1"))
            elif kind not in _PASSING:
                return 0
            channels.append(before)
    except (ValueError, KeyError, IndexError):
        return 0
    return numbers * _FLOAT


def header_size(weights: bytes) -> int:
    """Bytes in front of the weights: three numbers of version, and how many pictures were seen."""
    major, minor = (int.from_bytes(weights[i : i + 4], "little", signed=True) for i in (0, 4))
    return 20 if major * 10 + minor >= 2 else 16


def _layers(config: bytes) -> Iterator[_Layer]:
    """Sections and their settings, in order."""
    kind, options = "", dict[str, str]()
    for line in config.decode("utf-8", "replace").splitlines():
        if found := _SECTION.match(line):
            if kind:
                yield kind, options
            kind, options = found[1].lower(), {}
        elif setting := _SETTING.match(line):
            options[setting[1].lower()] = setting[2].strip()
    yield kind, options

"""A look at a network's bytes before a parser of C++ sees them: what is cut short or no network at all.

Files of the catalogue have been compared with their hash; this is for a user's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from detectors.dnn.engines.darknet import header_size, weights_size
from detectors.dnn.onnx_header import fields, read_onnx_header
from vidstream.errors import ModelError

#: nothing useful is larger, and parsers copy what they read
_LIMIT = 4 << 30
_LEAST = 16
#: format -> numbers of the fields that hold layers (GraphDef.node; NetParameter.layers and .layer)
_LAYERS = {"tensorflow": (1,), "caffe": (2, 100)}
_CONFIG_LIMIT = 64 << 20


def check_bytes(parts: Mapping[str, bytes], kind: str, where: str) -> None:
    """Raise ModelError unless the bytes have the outer form of their format.

    `kind` is OpenCV's name of it: onnx, tflite, darknet, caffe or tensorflow.
    """
    data, config = parts["model"], parts.get("config", b"")
    if not _LEAST <= len(data) <= _LIMIT or len(config) > _CONFIG_LIMIT:
        raise ModelError(f"has {len(data)} bytes: no network", where=where, fix="check the file")
    if kind == "onnx":
        read_onnx_header(data, where)
    elif kind == "tflite" and not _is_tflite(data):
        raise ModelError("is not a TFLite file", where=where, fix="check that it is whole")
    elif kind == "darknet" and b"[net" not in config:
        raise ModelError(
            "Darknet weights want the .cfg file of their network", where=where, fix="give it as config"
        )
    elif kind == "darknet" and len(data) < header_size(data) + weights_size(config):
        raise ModelError(
            "is cut short: its cfg wants more weights", where=where, fix="check that it is whole"
        )
    elif kind in _LAYERS and not _has_layers(data, _LAYERS[kind]):
        raise ModelError(f"is not a whole {kind} file", where=where, fix="check that it is whole")


def _is_tflite(data: bytes) -> bool:
    """A flat buffer: where its root is, then the four letters, and the root inside the file."""
    return data[4:8] == b"TFL3" and int.from_bytes(data[:4], "little") + 4 <= len(data)


def _has_layers(data: bytes, numbers: tuple[int, ...]) -> bool:
    """Protocol buffers to the last byte, with layers among them."""
    try:
        return not set(numbers).isdisjoint(field[0] for field in list(fields(memoryview(data))))
    except (ValueError, IndexError):
        return False

"""ONNX files as bytes, changed by hand: field numbers as onnx.proto3 has them."""

from __future__ import annotations

from detectors.dnn.onnx_header import fields


def varint(value: int) -> bytes:
    """A number in base 128."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def with_dangling_input(data: bytes, name: bytes) -> bytes:
    """The file with one more input in its graph, that nothing uses."""
    value = b"\x0a" + varint(len(name)) + name
    new = b"\x5a" + varint(len(value)) + value
    parts = []
    for field in fields(memoryview(data)):
        graph = bytes(field.value) + new if field.number == 7 else b""  # type: ignore[arg-type]  # a message
        parts.append(b"\x3a" + varint(len(graph)) + graph if graph else bytes(field.raw))
    return b"".join(parts)

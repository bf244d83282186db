"""Networks that take pictures of several sizes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from detectors.catalogue import Card
from detectors.catalogue.card import MAIN
from detectors.dnn.engines.base import Device, Engine, EngineName, Outputs, Remark
from detectors.dnn.engines.choose import open_engine
from detectors.dnn.onnx_header import read_onnx_header
from detectors.dnn.preprocess import Preprocessor
from vidstream import geometry
from vidstream.types import View

#: networks kept open, one for each size
_KEPT = 8


class SizedNetwork:
    """A network whose input size is chosen for each picture, where its file leaves that open.

    OpenCV lays a network out for one size, so there is one of them per size, opened when first asked for; the
    eight used last are kept. Use it from one thread. ModelError as for `Network`.
    """

    def __init__(
        self,
        card: Card,
        data: Mapping[str, bytes],
        *,
        engine: EngineName = "default",
        device: Device = "auto",
    ) -> None:
        self.card = card
        self.remarks: tuple[Remark, ...] = ()
        self._data = data
        self._choice: tuple[EngineName, Device] = (engine, device)
        self._free = _free_axes(card, data)
        self._open: OrderedDict[tuple[int, int], tuple[Engine, Preprocessor]] = OrderedDict()
        self.remarks = self._add(*self.size(card.input.width, card.input.height))

    @property
    def device(self) -> str:
        """What the network runs on, as taken."""
        return next(iter(self._open.values()))[0].device

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The input size that is taken where this one is asked for: the file's own, where that is fixed."""
        spec = self.card.input
        return (
            width if "width" in self._free else spec.width,
            height if "height" in self._free else spec.height,
        )

    def run(self, view: View, width: int, height: int) -> tuple[Outputs, geometry.Float64]:
        """Raw outputs at this input size, and the 3x3 matrix from the input's pixels to the view's."""
        size = self.size(width, height)
        if size not in self._open:
            self._add(*size)
        self._open.move_to_end(size)
        engine, prepare = self._open[size]
        blob, back = prepare(view)
        return engine.run(blob), back

    def _add(self, width: int, height: int) -> tuple[Remark, ...]:
        """Open the network for one more size."""
        card = replace(self.card, input=replace(self.card.input, width=width, height=height))
        name, device = self._choice
        engine, remarks = open_engine(card, self._data, engine=name, device=device)
        self._open[width, height] = engine, Preprocessor(card.input)
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return remarks


def _free_axes(card: Card, data: Mapping[str, bytes]) -> frozenset[str]:
    """Which of width and height the file leaves open.

    Files of other formats than ONNX do not say; a card does, with the option ``size: free``.
    """
    if not card.main.file.endswith(".onnx"):
        return frozenset(("width", "height") if card.options.get("size") == "free" else ())
    shapes = list(read_onnx_header(data[MAIN], f"model '{card.name}'").inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 4:
        return frozenset()
    sizes = shapes[0][2:] if card.input.layout == "nchw" else shapes[0][1:3]
    return frozenset(axis for axis, size in zip(("height", "width"), sizes, strict=True) if size == 0)

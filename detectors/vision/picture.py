"""A picture from a picture::

    painted = PictureNetwork(PictureParams(model="style-26-free")).transform(View(cv2.imread("street.jpg")))

Fast neural style and other filters (family ``image``), super-resolution of the luminance (``luma``: ESPCN,
FSRCNN), colours for grey pictures (``colourise``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from detectors.catalogue import Card, Task
from detectors.dnn.engines.base import Remark
from detectors.dnn.network import find_card, load_model
from detectors.dnn.sizes import SizedNetwork
from detectors.vision.colourise import Colouriser, lightness
from detectors.vision.maps import Map, channels_first, cut, to_view
from detectors.vision.option import VisionOption
from vidstream import geometry
from vidstream.errors import ModelError, did_you_mean
from vidstream.types import Pixels, View
from vidstream.types.values import InputFile, ModelName

TASKS: tuple[Task, ...] = ("picture",)
FAMILIES = ("image", "luma", "colourise")

#: what the network's numbers mean -> factor and offset to 0..255
_BYTES = {"0..1": (255.0, 0.0), "-1..1": (127.5, 127.5), "0..255": (1.0, 0.0)}

_DEFAULT = ModelName("style-26-free")


@dataclass(frozen=True)
class PictureParams(VisionOption):
    """Which network to run, and how its picture is given."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file
    #: numbers that a model file gives; auto: as its card says, else as it takes them
    output: Literal["auto", "0..1", "-1..1", "0..255"] = "auto"
    #: how large the result is: as the picture given, or as the network gives it; auto: the larger one
    result: Literal["auto", "picture", "network"] = "auto"
    centres: InputFile | None = None  #: colours that a colourising model file chooses from: (313, 2) as .npy


class PictureNetwork:
    """A network that makes a picture from a picture.

    Use it from one thread; `transform` leaves Python's lock free. ModelError: unknown or missing model, a
    damaged file, a device that is not there.
    """

    def __init__(self, params: PictureParams | None = None, *, models: Path | None = None) -> None:
        self.params = params or PictureParams()
        self._where = f"model '{self.params.model}'"
        self.card, data = load_model(self.params, TASKS, models)
        _check_family(self.card, self._where)
        self._usual = (self.card.input.width, self.card.input.height)
        self._runner = SizedNetwork(self.card, data, engine=self.params.engine, device=self.params.device)
        if self.card.family == "colourise":
            self._colours = Colouriser(self.card, self.params.model, self.params.centres, models)
        self._factor, self._offset = _BYTES[_output_range(self.params, self.card)]

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of how the network came to run as it does."""
        return self._runner.remarks

    def transform(self, view: View) -> View:
        """The network's picture of `view`; source coordinates stay what they are."""
        size = self._usual
        if self.card.options.get("size") == "free":  # what runs at any size sees every pixel
            size = self._runner.size(view.width, view.height)
        shown = lightness(view) if self.card.family == "colourise" else view
        outputs, back = self._runner.run(shown, *size)
        spec = replace(self.card.input, width=size[0], height=size[1])
        if self.card.family == "colourise":
            pixels = self._colours.colour(view, outputs[0], spec, back)
        else:
            count = 1 if self.card.family == "luma" else 3
            channels = self._channels(outputs[0], count)
            matrix = to_view(spec, channels.shape[1], channels.shape[2], back)
            planes = list(self._bytes(cut(channels, matrix, view)[0]))
            pixels = _with_colours(planes[0], view) if count == 1 else _merged(planes, spec.colour)
        pixels = self._resized(pixels, view)
        height, width = pixels.shape[:2]
        return view.derive(pixels, geometry.scaling(view.width / width, view.height / height))

    def _channels(self, output: Map, count: int) -> Map:
        if output.ndim == 4 and len(output) == 1 and output.size:
            channels = channels_first(output, count, self.card.input.layout)
            if len(channels) == count:
                return channels
        raise ModelError(
            f"expected a picture of {count} channels, the network gave {output.shape}",
            where=self._where,
            fix="check the model's family",
        )

    def _bytes(self, values: Map) -> Pixels:
        """Pixel values, rounded; what is out of range is cut."""
        scaled = values.astype(np.float32) * np.float32(self._factor) + np.float32(self._offset)
        return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)

    def _resized(self, pixels: Pixels, view: View) -> Pixels:
        """At the size asked for."""
        size = (view.width, view.height)
        given = (pixels.shape[1], pixels.shape[0])
        larger = given[0] * given[1] > size[0] * size[1]
        wanted = self.params.result
        if given == size or wanted == "network" or (wanted == "auto" and larger):
            return pixels
        method = cv2.INTER_AREA if larger else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


def check(params: PictureParams, models: Path | None = None) -> Card:
    """The model's card, if its files are here and it fits; nothing is hashed or loaded. ModelError."""
    card = find_card(params, TASKS, models)
    _check_family(card, f"model '{params.model}'")
    return card


def _merged(planes: Sequence[Pixels], colour: str) -> Pixels:
    return np.asarray(cv2.merge(planes if colour == "bgr" else planes[::-1]), np.uint8)


def _with_colours(luma: Pixels, view: View) -> Pixels:
    """A larger luminance with the view's own colours."""
    _, red, blue = cv2.split(cv2.cvtColor(view.bgr(), cv2.COLOR_BGR2YCrCb))
    size = (luma.shape[1], luma.shape[0])
    colours = [cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC) for plane in (red, blue)]
    return np.asarray(cv2.cvtColor(cv2.merge([luma, *colours]), cv2.COLOR_YCrCb2BGR), np.uint8)


def _check_family(card: Card, where: str) -> None:
    if card.family not in FAMILIES:
        hint = did_you_mean(card.family, FAMILIES) or f"known are {', '.join(FAMILIES)}"
        raise ModelError(f"no way to make pictures in the family '{card.family}'", where=where, fix=hint)


def _output_range(params: PictureParams, card: Card) -> str:
    """What the numbers of the result mean: what is asked for, on the card, or as those of the input."""
    if params.output != "auto":
        return params.output
    noted = str(card.options.get("output", ""))
    if noted in _BYTES:
        return noted
    mean, std = card.input.mean[0], card.input.std[0]
    return "0..255" if std == 1 else "-1..1" if (mean, std) == (127.5, 127.5) else "0..1"

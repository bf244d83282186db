"""Colours for grey pictures: lightness in, two colour axes of CIE Lab out.

R. Zhang, P. Isola, A. Efros: "Colorful Image Colorization" (ECCV 2016).
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detectors import catalogue
from detectors.catalogue import Card, InputSpec
from detectors.catalogue.card import read_bytes
from detectors.dnn.describe import is_file_name
from detectors.dnn.network import Matrix
from detectors.vision.maps import Map, channels_first, sampled, to_view
from vidstream.errors import ModelError
from vidstream.types import Pixels, View

#: role of the file with the colours to choose from
_CENTRES = "centres"
#: how far the best colour is preferred to the mean of all: 1 / T of equation 5, as the authors' code has it
_SHARPNESS = 2.606


class Colouriser:
    """Makes the colours of a network's output: ab (1, 2, h, w), or scores of colours (1, Q, h, w).

    Scores become the mean of the colours, annealed (equation 5). The colours are (Q, 2) ab values in the
    card's file ``centres`` or in `own`, a NumPy file. ModelError where they are not there, or do not fit.
    """

    def __init__(self, card: Card, model: str, own: Path | None, models: Path | None) -> None:
        self._where = f"model '{model}'"
        self._centres: npt.NDArray[np.float32] | None = None
        if own is not None:
            self._centres = _read(read_bytes(own, f"centres '{own}'"), f"centres '{own}'")
        elif _CENTRES in card.files and not is_file_name(model):
            path = catalogue.find(model, models)[1][_CENTRES]
            self._centres = _read(card.files[_CENTRES].read(path, model), self._where)

    def colour(self, view: View, output: Map, spec: InputSpec, back: Matrix) -> Pixels:
        """The view's pixels with colours; their lightness stays as it is."""
        ab = self._ab(output, spec)
        matrix = to_view(spec, ab.shape[1], ab.shape[2], back)
        size = (view.width, view.height)
        lab = cv2.cvtColor(view.bgr().astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
        lab = cv2.merge([lab[:, :, 0], *(sampled(plane, matrix, 0, 0, size) for plane in ab)])
        bgr = cv2.cvtColor(lab, cv2.COLOR_Lab2BGR)
        return np.asarray(np.clip(np.rint(bgr * 255), 0, 255), np.uint8)

    def _ab(self, output: Map, spec: InputSpec) -> npt.NDArray[np.float32]:
        """float32 (2, h, w)."""
        centres = self._centres
        count = 2 if centres is None else len(centres)
        if output.ndim == 4 and len(output) == 1 and output.size:
            channels = channels_first(output, count, spec.layout).astype(np.float32)
            if len(channels) == 2:
                return channels
            if centres is not None and len(channels) == len(centres):
                weights = np.exp(_SHARPNESS * (channels - channels.max(axis=0)))
                weights /= weights.sum(axis=0)
                return np.tensordot(centres.T, weights, axes=1).astype(np.float32)
        raise ModelError(
            f"expected ab values (1, 2, h, w) or scores of colours, the network gave {output.shape}",
            where=self._where,
            fix="give the colours it chooses from: centres: pts_in_hull.npy",
        )


def lightness(view: View) -> View:
    """The view's lightness, L of CIE Lab, 0 to 255 for 0 to 100: what the networks take."""
    lab = cv2.cvtColor(view.bgr(), cv2.COLOR_BGR2Lab)
    return view.derive(np.asarray(cv2.extractChannel(lab, 0), np.uint8))


def _read(data: bytes, where: str) -> npt.NDArray[np.float32]:
    """(Q, 2) ab values of a NumPy file; nothing in it is run."""
    try:
        centres = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ModelError("is no NumPy array", where=where, fix="give an .npy file of ab values") from error
    if not isinstance(centres, np.ndarray) or centres.ndim != 2 or 2 not in centres.shape:
        raise ModelError("expected ab values (Q, 2)", where=where, fix="give an .npy file of ab values")
    return np.asarray(centres if centres.shape[1] == 2 else centres.T, np.float32)

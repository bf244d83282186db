"""Faces as vectors: two pictures of one person give vectors that point the same way::

    embedder = find_embedder(EmbedParams(model="sface"))
    features = embedder.embed(view, faces)

Their rows are of length 1, so that their products are cosines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, InputSpec, ModelFile, Task
from detectors.catalogue.card import MAIN, read_bytes
from detectors.dnn.engines.base import Remark
from detectors.dnn.engines.choose import check_engine
from detectors.dnn.network import Network, NetworkOption, find_card
from detectors.dnn.onnx_header import read_onnx_header
from detectors.faces.align import crops_by_box, crops_by_landmarks
from detectors.faces.classic import METHODS, ClassicEmbedder
from detectors.faces.dlib_library import dlib, verified_files
from detectors.faces.gallery import Features, Identity
from detectors.faces.landmarks import frontal_squares
from vidstream.errors import ModelError
from vidstream.types import Detections, Pixels, View
from vidstream.types.values import ModelName

EMBED_TASKS: tuple[Task, ...] = ("embed",)
#: families of cards that describe faces; others describe people, cars ...
FAMILY, DLIB_FAMILY = "face", "dlib-resnet"
_DEFAULT = ModelName("sface")
_HALF = (127.5, 127.5, 127.5)
#: how much wider than its box a face is cut out where nothing else is said, as FaceNet is trained
_MARGIN = 0.2
#: dlib cuts out its crops with this margin, and at this size
_CHIP, _PADDING = 150, 0.25


@dataclass(frozen=True)
class EmbedParams(NetworkOption):
    """Which network turns faces into vectors."""

    #: a name in the catalogue (sface, dlib-resnet ...), an ONNX file of ArcFace's or FaceNet's kind, or lbph,
    #: eigen, fisher
    model: ModelName = _DEFAULT
    #: how a model file wants its faces; auto: at 112 pixels by landmarks, else by the box
    align: Literal["auto", "landmarks", "box"] = "auto"

    def describe(self, tasks: Sequence[Task]) -> tuple[Card, Mapping[str, bytes]]:
        """A card for an ONNX file of one's own, from its input's shape: RGB in -1..1. ModelError."""
        where = f"model '{self.model}'"
        data = read_bytes(Path(self.model), where)
        shapes = list(read_onnx_header(data, where).inputs.values())
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != 3 or 0 in shapes[0][2:]:
            raise ModelError(
                f"expected one input 1 x 3 x H x W, the file has {shapes} (0 = free)",
                where=where,
                fix="export it with a fixed input size",
            )
        height, width = shapes[0][2:]
        return _card(
            Path(self.model), data, InputSpec(width, height, "rgb", _HALF, _HALF, "stretch"), self.align
        )


class FaceEmbedder(Protocol):
    """Turns faces into vectors."""

    @property
    def identity(self) -> Identity:
        """What a gallery of its vectors is bound to."""

    @property
    def remarks(self) -> Sequence[Remark]:
        """What a user should know of how it came to run as it does."""

    def embed(self, view: View, faces: Detections) -> Features:
        """(N, D) unit rows. ShapeError: the model needs landmarks, and the faces have none."""


def find_embedder(params: EmbedParams | None = None, *, models: Path | None = None) -> FaceEmbedder:
    """The embedder of these options. ModelError, MissingDependency."""
    params = params or EmbedParams()
    if params.model in METHODS:
        return ClassicEmbedder(params.model)
    if _find_card(params, models).family == DLIB_FAMILY:
        return DlibEmbedder(params, models=models)
    return NetworkEmbedder(params, models=models)


def check(params: EmbedParams, models: Path | None = None) -> None:
    """Whether the embedder can be made; nothing is loaded. ModelError, MissingDependency."""
    if params.model in METHODS:
        return
    card = _find_card(params, models)
    if card.family == DLIB_FAMILY:
        dlib()
    else:
        check_engine(params.engine, params.device)


def identity_of(params: EmbedParams, models: Path | None = None) -> Identity:
    """What a gallery of this model's vectors is bound to; nothing is loaded. ModelError."""
    if params.model in METHODS:
        return Identity(params.model, "")
    return _identity(_find_card(params, models))


class NetworkEmbedder:
    """A network such as SFace, ArcFace, FaceNet or VGGFace. Use it from one thread."""

    def __init__(self, params: EmbedParams, *, models: Path | None = None) -> None:
        self._network = Network(params, EMBED_TASKS, models=models)
        self.card = self._network.card
        self.identity = _identity(self.card)
        self.remarks = self._network.remarks
        self._by_landmarks = self.card.options.get("align", "landmarks") == "landmarks"
        self._margin = float(self.card.options.get("margin", _MARGIN))

    def embed(self, view: View, faces: Detections) -> Features:
        """(N, D) unit rows. ShapeError: the model needs landmarks, and the faces have none."""
        side = self.card.input.width
        if not faces:
            return np.zeros((0, 0), np.float32)
        if self._by_landmarks:
            crops = crops_by_landmarks(view, faces, side)
        else:
            crops = crops_by_box(view, faces, side, self._margin)
        return self.embed_crops(crops)

    def embed_crops(self, crops: Sequence[Pixels]) -> Features:
        """The same for faces that are cut out as the network wants them."""
        runs = self._network.run_batch([View(crop) for crop in crops])
        return unit_rows(np.stack([outputs[0].ravel() for outputs, _ in runs]))


class DlibEmbedder:
    """dlib's ResNet, with the five-point predictor it was trained with. Use it from one thread.

    Needs no landmarks; where faces have some, they tell the predictor better than boxes where to look.
    """

    remarks: Sequence[Remark] = ()

    def __init__(self, params: EmbedParams, *, models: Path | None = None) -> None:
        library = dlib()
        card, paths = verified_files(params.model, models)
        self.identity = _identity(card)
        self._predictor = library.shape_predictor(paths["landmarks"])
        self._network = library.face_recognition_model_v1(paths[MAIN])
        self._dlib = library

    def embed(self, view: View, faces: Detections) -> Features:
        """(N, 128) unit rows: dlib's own vectors are not quite of length 1."""
        if not faces:
            return np.zeros((0, 0), np.float32)
        rgb = np.ascontiguousarray(view.bgr()[:, :, ::-1])
        found = []
        for x1, y1, x2, y2 in np.rint(frontal_squares(view, faces)).astype(int).tolist():
            shape = self._predictor(rgb, self._dlib.rectangle(x1, y1, x2 - 1, y2 - 1))
            chip = self._dlib.get_face_chip(rgb, shape, _CHIP, _PADDING)
            found.append(self._network.compute_face_descriptor(chip))
        return unit_rows(np.array(found))


def unit_rows(vectors: npt.NDArray[np.floating]) -> Features:
    """Rows (N, D) of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _identity(card: Card) -> Identity:
    return Identity(card.name, card.main.sha256)


def _find_card(params: EmbedParams, models: Path | None) -> Card:
    card = find_card(params, EMBED_TASKS, models)
    if card.family not in (FAMILY, DLIB_FAMILY):
        raise ModelError(
            "does not describe faces", where=f"model '{params.model}'", fix="choose sface or dlib-resnet"
        )
    return card


def _card(path: Path, data: bytes, spec: InputSpec, align: str) -> tuple[Card, Mapping[str, bytes]]:

    name = "".join(c if c.isalnum() else "-" for c in path.stem.lower()).strip("-") or "model"
    how = ("landmarks" if spec.width == 112 else "box") if align == "auto" else align
    file = ModelFile(f"{name}.onnx", len(data), sha256(data).hexdigest())
    card = Card(name, "embed", FAMILY, {MAIN: file}, "not known", spec, options={"align": how})
    return card, {MAIN: data}

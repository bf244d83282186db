"""A model card: everything needed to get a model, trust its files and feed it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, get_args

import yaml

from detectors.catalogue.places import check_place
from vidstream.errors import ModelError, did_you_mean

#: what a network is for
Task: TypeAlias = Literal[
    "detect",  # boxes
    "segment",  # boxes with masks
    "pose",  # boxes with key points
    "face",  # faces with landmarks
    "landmarks",  # points within a given box
    "embed",  # a vector per box: looks of people, faces
    "classify",  # what the picture, or the object in a box, is
    "semantic",  # a class for every pixel
    "matte",  # how much of each pixel is foreground
    "picture",  # a picture from a picture
    "text-detect",  # where text is
    "text-read",  # what it says
]
#: what the licence allows, in one word
Terms: TypeAlias = Literal["permissive", "copyleft", "research", "unknown"]

#: the role of a model's main file: its network, weights included
MAIN = "model"

_CLASSES = Path(__file__).parent / "classes"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LIMIT = 1 << 18
#: models are read into memory as a whole
SIZE_LIMIT = 4 << 30


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to see: float32 of ``(pixel - mean) / std``.

    `fit` tells how a picture of another shape is brought in: ``corner`` keeps its proportions and pads
    right and below, ``centre`` pads evenly, ``stretch`` does not keep them, ``crop`` keeps them and cuts off
    what sticks out. `pad` is the grey level of the padding. `mean` and `std` are in pixel values (0..255), in
    the order of `colour`. `layout`: ``nchw`` is (1, C, height, width), ``nhwc`` (1, height, width, C).
    `align` tells which points of picture and input lie on each other: ``edges`` their outer edges, as
    `cv2.resize` has it, sizes in whole pixels; ``pixels`` the centres of their first pixels, sizes not
    rounded, as a warp has it; ``corners`` the centres of the pixels in their corners.
    """

    width: int
    height: int
    colour: Literal["bgr", "rgb", "gray"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Literal["corner", "centre", "stretch", "crop"] = "centre"
    pad: float = 114.0
    layout: Literal["nchw", "nhwc"] = "nchw"
    align: Literal["edges", "pixels", "corners"] = "edges"

    def __post_init__(self) -> None:
        sizes = isinstance(self.width, int) and isinstance(self.height, int)
        if not sizes or min(self.width, self.height) < 1:
            raise ValueError(f"input size {self.width!r} x {self.height!r}: expected whole numbers above 0")
        for name, known in (
            ("colour", ("bgr", "rgb", "gray")),
            ("fit", ("corner", "centre", "stretch", "crop")),
            ("layout", ("nchw", "nhwc")),
            ("align", ("edges", "pixels", "corners")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is not known")
        if len(self.mean) != 3 or len(self.std) != 3 or 0.0 in self.std:
            raise ValueError("mean and std: expected three numbers each, std without 0")


@dataclass(frozen=True, slots=True)
class Original:
    """What the places of a derived file have, and the steps that make the file of it: see dnn/onnx_edit."""

    size: int
    sha256: str
    steps: tuple[Mapping[str, Any], ...]

    def __post_init__(self) -> None:
        _check_content(self)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, and the places it can be had from, tried in order."""

    file: str
    size: int
    sha256: str
    places: tuple[str, ...] = ()
    #: what the places have, where the file is made of it when it is fetched
    made_from: Original | None = None

    def __post_init__(self) -> None:
        if not _FILE.fullmatch(str(self.file)):
            raise ValueError(f"file: expected to match {_FILE.pattern}, got {self.file!r}")
        _check_content(self)
        for place in self.places:
            check_place(place)

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> Self:
        """From a card's text, read."""
        made_from = raw.get("made_from")
        return cls(**{**raw, "made_from": Original(**made_from) if made_from else None})

    @property
    def source(self) -> ModelFile | Original:
        """What the places have."""
        return self.made_from or self

    def read(self, path: Path, model: str) -> bytes:
        """The file's bytes; ModelError unless they have the size and hash on the card.

        Hand these bytes to the parser, not the path: a file changed in between then does no harm.
        """
        where = f"model '{model}' ({path})"
        data = read_bytes(path, where)
        self.check(data, where, f"delete it and run: python run.py models fetch {model}")
        return data

    def check(self, data: bytes, where: str, fix: str = "") -> None:
        """ModelError unless the bytes have the size and hash on the card."""
        if len(data) != self.size:
            raise ModelError(f"has {len(data)} bytes, not {self.size}", where=where, fix=fix)
        if sha256(data).hexdigest() != self.sha256:
            raise ModelError("is not the file on its card: its SHA-256 differs", where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class Card:
    """One model. `family` names the decoder of its outputs, `options` what is special about this one."""

    name: str
    task: Task
    family: str
    #: role -> file; the role ``model`` is always there, ``config`` where the format has two files
    files: Mapping[str, ModelFile]
    licence: str
    input: InputSpec
    terms: Terms = "unknown"
    #: the name of a list in `classes/`, or the names themselves
    classes: str | tuple[str, ...] = ()
    #: settings of the decoder
    options: Mapping[str, Any] = field(default_factory=dict)
    #: names of the outputs in the order the decoder wants them; empty: as the file declares them
    outputs: tuple[str, ...] = ()
    #: engines known to run it, the best one first; empty: nothing is known against any
    engines: tuple[str, ...] = ()
    #: where the weights come from
    origin: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        where = f"model card '{self.name}'"
        if not _NAME.fullmatch(self.name):
            raise ModelError(f"name: expected to match {_NAME.pattern}, got {self.name!r}", where=where)
        if MAIN not in self.files:
            raise ModelError(f"files: expected one named '{MAIN}'", where=where)
        for key, value, known in (("task", self.task, Task), ("terms", self.terms, Terms)):
            if value not in get_args(known):
                raise ModelError(f"{key}: '{value}' is not one of {', '.join(get_args(known))}", where=where)

    @property
    def main(self) -> ModelFile:
        """The network's file."""
        return self.files[MAIN]

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name."""
        return dict(enumerate(class_list(self.classes) if isinstance(self.classes, str) else self.classes))

    def to_yaml(self) -> str:
        """As text; `from_yaml` reads it."""
        raw = {k: v for k, v in dataclasses.asdict(self).items() if v not in ("", (), {})}
        return yaml.safe_dump(_plain(raw), sort_keys=False, allow_unicode=True, width=110)

    @classmethod
    def from_yaml(cls, text: str, where: str) -> Self:
        """A card from its text; ModelError names what does not fit."""
        try:
            if len(text) > _LIMIT:
                raise ValueError(f"{len(text)} characters: too long")
            raw = yaml.safe_load(text)
            spec = InputSpec(**_frozen(raw.pop("input")))
            files = {role: ModelFile.from_raw(_frozen(entry)) for role, entry in raw.pop("files").items()}
            return cls(input=spec, files=files, **_frozen(raw))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as error:
            problem = str(error).replace("\n", " ")
            raise ModelError(
                f"is not a model card: {problem}", where=where, fix="write it with: python run.py models add"
            ) from error


def _check_content(content: ModelFile | Original) -> None:
    """ValueError unless it says what to expect."""
    if (
        isinstance(content.size, bool)
        or not isinstance(content.size, int)
        or not 0 < content.size <= SIZE_LIMIT
    ):
        raise ValueError(f"size: expected a number of bytes from 1 to {SIZE_LIMIT}, got {content.size!r}")
    if not _HASH.fullmatch(str(content.sha256)):
        raise ValueError(f"sha256: expected to match {_HASH.pattern}, got {content.sha256!r}")


def name_of(path: Path) -> str:
    """A model's name, from its file's.

    >>> name_of(Path("runs/My best.pt"))
    'my-best'
    """
    return re.sub(r"[^a-z0-9._-]", "-", path.stem.lower()).strip("._-") or "model"


def read_bytes(path: Path, where: str) -> bytes:
    """The bytes of a regular file (a pipe would wait for ever). ModelError where there is none."""
    if not path.is_file():
        raise ModelError("no such file", where=where, fix="check the path")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=where, fix="check its rights") from error


def _frozen(value: Any) -> Any:
    """Lists, at any depth, as tuples."""
    if isinstance(value, Mapping):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Mappings and sequences as YAML knows them; what is not given is left out."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def class_list(name: str) -> tuple[str, ...]:
    """A class list by its name, one class per line.

    >>> class_list("coco")[:3]
    ('person', 'bicycle', 'car')
    """
    known = [path.stem for path in _CLASSES.glob("*.txt")]
    if name not in known:
        raise ModelError(
            "no such class list",
            where=f"classes '{name}'",
            fix=did_you_mean(name, known) or f"known are {', '.join(known)}",
        )
    return tuple((_CLASSES / f"{name}.txt").read_text("utf-8").splitlines())

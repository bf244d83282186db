"""A model card: everything needed to get a model, trust its file and feed it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

from vidstream.errors import ModelError, did_you_mean

_CLASSES = Path(__file__).parent / "classes"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to see: float32 (1, 3, height, width) of ``(pixel - mean) / std``.

    `fit` tells how a picture of another shape is brought in: ``corner`` keeps its proportions and pads
    right and below, ``centre`` pads evenly, ``stretch`` does not keep them. `pad` is the grey level of the
    padding. `mean` and `std` are in pixel values (0..255), in the order of `colour`.
    """

    width: int
    height: int
    colour: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Literal["corner", "centre", "stretch"] = "centre"
    pad: int = 114

    def __post_init__(self) -> None:
        sizes = isinstance(self.width, int) and isinstance(self.height, int)
        if not sizes or min(self.width, self.height) < 1:
            raise ValueError(f"input size {self.width!r} x {self.height!r}: expected whole numbers above 0")
        if self.colour not in ("bgr", "rgb") or self.fit not in ("corner", "centre", "stretch"):
            raise ValueError(f"colour {self.colour!r} or fit {self.fit!r} is not known")
        if len(self.mean) != 3 or len(self.std) != 3 or 0.0 in self.std:
            raise ValueError("mean and std: expected three numbers each, std without 0")


@dataclass(frozen=True, slots=True)
class Card:
    """One model. `family` names the decoder of its outputs; `places` are tried in order.

    A place is an https address; ``...tgz#package/model.onnx`` names a file inside an archive.
    """

    name: str
    family: str
    file: str
    sha256: str
    size: int
    licence: str
    input: InputSpec
    #: the name of a list in `classes/`, or the names themselves
    classes: str | tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for key, pattern in (("name", _NAME), ("file", _FILE), ("sha256", _HASH)):
            if not pattern.fullmatch(getattr(self, key)):
                raise ModelError(
                    f"{key}: expected to match {pattern.pattern}, got {getattr(self, key)!r}",
                    where=f"model card '{self.name}'",
                )

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name."""
        return dict(enumerate(class_list(self.classes) if isinstance(self.classes, str) else self.classes))

    def read(self, path: Path) -> bytes:
        """The file's bytes; ModelError unless they have the size and hash on the card.

        Hand these bytes to the parser, not the path: a file changed in between then does no harm.
        """
        where = f"model '{self.name}' ({path})"
        again = f"delete it and run: python run.py models fetch {self.name}"
        data = read_bytes(path, where)
        if len(data) != self.size:
            raise ModelError(f"has {len(data)} bytes, not {self.size}", where=where, fix=again)
        if sha256(data).hexdigest() != self.sha256:
            raise ModelError("is not the file on its card: its SHA-256 differs", where=where, fix=again)
        return data

    def to_json(self) -> str:
        """As text; `from_json` reads it."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Self:
        """A card from its text; ModelError names what does not fit."""
        try:
            raw = json.loads(text)
            spec = InputSpec(**{k: _tuples(v) for k, v in raw.pop("input").items()})
            return cls(input=spec, **{k: _tuples(v) for k, v in raw.items()})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"is not a model card: {error}", where=where, fix="write it with: python run.py models add"
            ) from error


def read_bytes(path: Path, where: str) -> bytes:
    """The bytes of a regular file (a pipe would wait for ever). ModelError where there is none."""
    if not path.is_file():
        raise ModelError("no such file", where=where, fix="check the path")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=where, fix="check its rights") from error


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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

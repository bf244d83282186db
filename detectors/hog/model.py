"""A HOG descriptor, its SVM, and what turns the SVM's windows into objects: all in one file.

The file is `cv2.HOGDescriptor.save`'s, which OpenCV loads as it is: it reads the first entry alone. Behind it
stands an entry ``vidstream`` with what OpenCV has no place for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from vidstream.errors import ModelError, did_you_mean

#: SVM files as `cv2.HOGDescriptor.save` writes them: plain text, no code inside
SUFFIXES = (".xml", ".yml", ".yaml", ".json")
#: the entry of the file that holds our notes
_NOTES = "vidstream"
#: bytes; the largest sensible window has fewer than a million weights
_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """How a model wants to be used; the default is that of OpenCV's people detector."""

    #: class name of what it finds
    label: str = "person"
    #: picture enlarged by so much before the search: the size of object it is meant for
    scale: float = 1.4
    #: smallest SVM margin worth reporting
    hit_threshold: float = 0.4
    #: share of the window's width that is object
    shrink_width: float = 0.6
    #: share of the window's height that is object
    shrink_height: float = 0.8
    #: score = logistic(slope * margin + offset), Platt (1999): 0.5 = every other box is an object
    slope: float = 2.3
    offset: float = -1.7
    #: what it was trained on, in words
    trained_on: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class HogModel:
    """A descriptor with its SVM set, and how to use it."""

    descriptor: cv2.HOGDescriptor
    usage: Usage

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of the window."""
        width, height = self.descriptor.winSize
        return int(width), int(height)

    def save(self, path: Path) -> None:
        """Write both into one file, complete or not at all. Raises OSError, and ModelError for its suffix."""
        check_suffix(path)
        part = path.with_name(f".part-{path.name}")
        part.write_bytes(b"")  # OpenCV says nothing of why it cannot write
        self.descriptor.save(str(part), "hog")
        storage = cv2.FileStorage(str(part), cv2.FILE_STORAGE_APPEND)
        storage.startWriteStruct(_NOTES, cv2.FILE_NODE_MAP)
        for name, value in asdict(self.usage).items():
            if value != "":  # OpenCV's XML reader stumbles over empty texts
                storage.write(name, value)
        storage.endWriteStruct()
        storage.release()
        part.replace(path)


def check_suffix(path: Path) -> None:
    """Raises ModelError where no model can be written under this name."""
    if path.suffix not in SUFFIXES:
        raise ModelError(
            "has no ending that OpenCV knows", where=f"HOG model '{path}'", fix=f"use {', '.join(SUFFIXES)}"
        )


def load_model(name: str) -> HogModel:
    """A model by its name or file. ModelError where there is none.

    A file without our notes is used as OpenCV's people detector is.
    """
    make = MODELS.get(name)
    return make() if make else _from_file(Path(name))


def descriptor(window: tuple[int, int]) -> cv2.HOGDescriptor:
    """Dalal and Triggs': cells of 8 px with 9 bins, blocks of 16 px every 8, square roots of colours.

    The same as `cv2.HOGDescriptor()`, but for the window.
    """
    cells = (16, 16), (8, 8), (8, 8), 9
    return cv2.HOGDescriptor(window, *cells, 1, -1.0, cv2.HOGDescriptor_L2Hys, 0.2, True)


def _people() -> HogModel:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    return HogModel(hog, Usage(trained_on="INRIA Person (Dalal and Triggs, 2005)"))


def _daimler() -> HogModel:
    hog = cv2.HOGDescriptor((48, 96), (16, 16), (8, 8), (8, 8), 9)  # trained on colours as they are
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDaimlerPeopleDetector()))
    usage = Usage(
        scale=1.25, hit_threshold=1.2, slope=3.2, offset=-5.6, trained_on="Daimler Pedestrian (2009)"
    )
    return HogModel(hog, usage)


#: name -> model, of those that come with OpenCV
MODELS: dict[str, Callable[[], HogModel]] = {"default": _people, "daimler": _daimler}


def _from_file(path: Path) -> HogModel:
    where = f"HOG model '{path}'"
    if path.suffix not in SUFFIXES:
        hint = did_you_mean(path, list(MODELS))
        raise ModelError(
            "is not a known model",
            where=where,
            fix=hint or f"use {', '.join(MODELS)} or a file of HOGDescriptor.save",
        )
    if not path.is_file():
        raise ModelError("no such file", where=where, fix="check the path")
    if path.stat().st_size > _MAX_BYTES:
        raise ModelError(f"has more than {_MAX_BYTES // 1_000_000} MB", where=where, fix="check the path")
    try:
        if hog := _read_descriptor(path):
            return HogModel(hog, _read_usage(path, where))
    except cv2.error:  # not what its suffix says
        pass
    raise ModelError(
        "does not hold a HOG descriptor with its SVM",
        where=where,
        fix="write it with `run.py train hog`, or with cv2.HOGDescriptor.save after setSVMDetector",
    )


def _read_descriptor(path: Path) -> cv2.HOGDescriptor | None:
    hog = cv2.HOGDescriptor()
    if not hog.load(str(path)) or not _fits(hog) or not hog.checkDetectorSize():
        return None
    return hog if len(hog.svmDetector) > 0 else None


def _fits(hog: cv2.HOGDescriptor) -> bool:
    """Whether the sizes can be computed with: OpenCV divides by them unseen."""
    window, block, stride, cell = (
        np.asarray(size) for size in (hog.winSize, hog.blockSize, hog.blockStride, hog.cellSize)
    )
    if min(window.min(), block.min(), stride.min(), cell.min(), hog.nbins) < 1:
        return False
    whole = not ((window - block) % stride).any() and not (block % cell).any()
    return whole and bool((window >= block).all())


def _read_usage(path: Path, where: str) -> Usage:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    try:
        notes = storage.getNode(_NOTES)
        if notes.empty():
            return Usage()
        known = set(notes.keys()) if notes.isMap() else set()
        found: dict[str, str | float] = {}
        for field in fields(Usage):
            if field.name in known:
                node = notes.getNode(field.name)
                found[field.name] = node.string() if node.isString() else node.real()
    finally:
        storage.release()
    _check_usage(found, where)
    return Usage(**found)  # type: ignore[arg-type]  # checked above


def _check_usage(found: dict[str, str | float], where: str) -> None:
    """Raises ModelError for a note that no `save` has written."""
    for field in fields(Usage):
        value = found.get(field.name, field.default)
        if isinstance(value, str) != isinstance(field.default, str):
            raise ModelError(f"its note '{field.name}' is {value!r}", where=where, fix="train it anew")
    shares = [float(found.get(name, 1.0)) for name in ("shrink_width", "shrink_height")]
    if not all(0 < share <= 4 for share in shares) or not 0.1 <= float(found.get("scale", 1.0)) <= 8:
        raise ModelError("its notes name impossible sizes", where=where, fix="train it anew")

"""A wall of pictures: one cell for each camera, written by each on its own thread, read by one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.palette import DIM, INK, WHITE, Bgr
from vidstream.stages.draw.patches import Ink, Patch, card
from vidstream.types import Pixels, SourceStatus

#: x, y, width, height
Cell = tuple[int, int, int, int]

#: what cells stand on, and what surrounds a picture of another shape
_GROUND, _FLOOR = 14, 28
#: share of its brightness that a picture keeps when no new ones come
_DIMMED = 0.42
_GOOD: Bgr = (110, 200, 90)
_WARNING: Bgr = (60, 180, 250)
_BAD: Bgr = (80, 80, 240)
_COLOURS = {"connecting": _WARNING, "stalled": _WARNING, "ended": DIM}
_WIDE = 16 / 9


def grid(count: int, size: tuple[int, int], columns: int | None, gap: int) -> list[Cell]:
    """Where `count` cells lie; `columns` None takes as many as make pictures of 16:9 largest.

    >>> grid(4, (640, 360), None, 0)
    [(0, 0, 320, 180), (320, 0, 320, 180), (0, 180, 320, 180), (320, 180, 320, 180)]
    """
    width, height = size
    most = max(1, count)

    def shown(columns: int) -> float:
        rows = -(-most // columns)
        return min(width / columns, _WIDE * height / rows)

    across = columns or max(range(1, most + 1), key=lambda n: (shown(n), n))
    down = -(-most // across)
    xs = [round(i * (width + gap) / across) for i in range(across + 1)]
    ys = [round(i * (height + gap) / down) for i in range(down + 1)]
    return [
        (xs[i % across], ys[i // across], xs[i % across + 1] - xs[i % across] - gap,
         ys[i // across + 1] - ys[i // across] - gap)
        for i in range(count)
    ]  # fmt: skip


@dataclass(slots=True, eq=False)
class _Camera:
    """One camera's share of the wall."""

    name: str
    joined: int = 0
    picture: Pixels | None = None
    status: SourceStatus | None = None
    #: arrival of the newest picture
    shown_at: float = float("-inf")
    #: what its cell says where no pictures come; drawn again only where that is something else
    said: tuple[str, ...] = field(default=())

    @property
    def is_on(self) -> bool:
        arriving = self.status is None or self.status.arriving
        return self.joined > 0 and self.picture is not None and arriving


class Wall:
    """The newest picture of each camera on one canvas. Safe to use from several threads."""

    def __init__(
        self,
        size: tuple[int, int],
        columns: int | None,
        order: Sequence[str],
        titles: bool,
        now: Callable[[], float],
    ) -> None:
        self._size = size
        self._columns = columns
        self._order = tuple(order)
        self._titles = titles
        self._now = now
        self._lock = threading.Lock()
        self._cameras = {name: _Camera(name) for name in order}
        self._cells: dict[str, Cell] = {}
        self._canvas: Pixels = np.zeros((size[1], size[0], 3), np.uint8)
        self._host = ""
        self._face = lru_cache(maxsize=8)(Typeface)
        self._title = lru_cache(maxsize=256)(self._drawn_title)
        self._arrange()

    def join(self, name: str) -> None:
        """A camera gets a cell."""
        with self._lock:
            camera = self._cameras.setdefault(name, _Camera(name))
            camera.joined += 1
            self._arrange()

    def leave(self, name: str) -> None:
        """It is not shown any longer, unless a place was asked for it."""
        with self._lock:
            camera = self._cameras[name]
            camera.joined -= 1
            if camera.joined > 0:
                return
            if name not in self._order:
                del self._cameras[name]
            camera.status, camera.said = None, ()
            self._arrange()

    def close(self) -> None:
        """There is nothing to close."""

    def tell(self, name: str, status: SourceStatus) -> None:
        """A camera has come into a state."""
        with self._lock:
            self._cameras[name].status = status

    def show(self, name: str, pixels: Pixels) -> None:
        """A camera's newest picture; on its own thread, which does the work of making it small."""
        cell = self._cells[name]
        small = _fitted(pixels, *cell[2:])
        with self._lock:
            if self._cells[name] != cell:  # cameras have come or gone meanwhile
                small = _fitted(small, *self._cells[name][2:])
            camera = self._cameras[name]
            camera.picture, camera.shown_at, camera.said = small, self._now(), ()
            self._write(camera, small)

    def is_host(self, name: str, wish: str, patience: float) -> bool:
        """Whether this camera's lane carries the wall on: the one wished for, else whoever came first.

        Where no picture of it has come for `patience` seconds, the one that asks takes over.
        """
        with self._lock:
            host = self._cameras.get(self._host)
            gone = host is None or not host.is_on or self._now() - host.shown_at > patience
            if gone or name == wish:
                self._host = name
            return self._host == name

    def picture(self) -> Pixels:
        """The wall as it is now, uint8 (H, W, 3)."""
        with self._lock:
            for camera in self._cameras.values():
                if not camera.is_on:
                    self._write_absent(camera)
            return self._canvas.copy()

    # -- drawing, under the lock -----------------------------------------------------------------------

    def _arrange(self) -> None:
        """Give each camera its cell, and draw anew what there is."""
        names = [*self._order, *sorted(set(self._cameras) - set(self._order))]
        gap = max(2, self._size[1] // 240)
        self._cells = dict(zip(names, grid(len(names), self._size, self._columns, gap), strict=True))
        self._canvas[:] = _GROUND
        for camera in self._cameras.values():
            camera.said = ()
            if camera.picture is not None:
                _, _, width, height = self._cells[camera.name]
                camera.picture = _fitted(camera.picture, width, height)
                self._write(camera, camera.picture)

    def _write(self, camera: _Camera, picture: Pixels) -> Pixels:
        x, y, width, height = self._cells[camera.name]
        cell = self._canvas[y : y + height, x : x + width]
        cell[:] = _FLOOR
        top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        cell[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        if self._titles:
            good = camera.is_on
            title = self._title(camera.name, width, height, _GOOD if good else _colour(camera))
            title.over(cell, title.height // 4, height - title.height - title.height // 4)
        return cell

    def _write_absent(self, camera: _Camera) -> None:
        """The last picture in gray, and on it what has become of the camera, since when, and why."""
        said = self._words(camera)
        if said == camera.said:
            return
        camera.said = said
        picture = camera.picture
        gray = np.full((1, 1, 3), _FLOOR, np.uint8) if picture is None else _dimmed(picture)
        cell = self._write(camera, gray)
        height, width = cell.shape[:2]
        plate = self._notice(said, _colour(camera), width, height)
        plate.over(cell, (width - plate.width) // 2, (height - plate.height) // 2)

    def _words(self, camera: _Camera) -> tuple[str, ...]:
        status = camera.status
        if status is None or not camera.joined:
            return ("not started",) if camera.picture is None else ("ended",)
        state = "no picture yet" if status.arriving else status.state.replace("-", " ")
        return tuple(filter(None, (f"{state}  {_elapsed(self._now() - status.mono)}", status.cause)))

    def _drawn_title(self, name: str, width: int, height: int, colour: Bgr) -> Patch:
        """A dot in the colour of the state, and the name; below, for numbers are drawn above."""
        face = self._face(_text_size(width, height))
        pad = face.size // 2
        dot = _dot(round(0.55 * face.size))
        tall = face.height + pad // 2
        name = _shortened(name, face, width - 4 * pad - dot.shape[1])
        inks: list[Ink] = [
            (dot, pad, (tall - dot.shape[0]) // 2, colour),
            (face.line(name), 2 * pad + dot.shape[1], (tall - face.height) // 2, WHITE),
        ]
        wide = 3 * pad + dot.shape[1] + face.width(name)
        return card(wide, tall, INK, inks, opacity=0.72, radius=pad // 2)

    def _notice(self, words: tuple[str, ...], colour: Bgr, width: int, height: int) -> Patch:
        face = self._face(_text_size(width, height))
        pad = face.size // 2
        lines = [_shortened(text, face, width - 6 * pad) for text in words]
        widths = [face.width(text) for text in lines]
        inner = max(widths)
        inks: list[Ink] = [
            (face.line(text), pad + (inner - w) // 2, pad // 2 + i * face.height, DIM if i else colour)
            for i, (text, w) in enumerate(zip(lines, widths, strict=True))
        ]
        tall = len(lines) * face.height + pad
        return card(inner + 2 * pad, tall, INK, inks, opacity=0.86, radius=pad // 2)


def _fitted(pixels: Pixels, width: int, height: int) -> Pixels:
    """As large as goes into a cell, without a change of its shape."""
    if pixels.ndim == 2:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    # halving by areas is quick, other factors are not: 1080p to a ninth of 720p in a tenth of the time
    while pixels.shape[1] >= 2 * size[0] and pixels.shape[0] >= 2 * size[1]:
        half = pixels.shape[1] // 2, pixels.shape[0] // 2
        even = pixels[: 2 * half[1], : 2 * half[0]]
        pixels = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(pixels, (min(size[0], width), min(size[1], height))), np.uint8)


def _dimmed(pixels: Pixels) -> Pixels:
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    dark = cv2.convertScaleAbs(gray, alpha=_DIMMED)
    return np.asarray(cv2.cvtColor(dark, cv2.COLOR_GRAY2BGR), np.uint8)


def _colour(camera: _Camera) -> Bgr:
    state = camera.status.state if camera.status is not None and camera.joined else "ended"
    return _COLOURS.get(state, _WARNING if state in ("live", "format-changed") else _BAD)


def _text_size(width: int, height: int) -> int:
    """The em in pixels that suits a cell."""
    return max(10, min(26, round(min(width / 22, height / 13))))


def _shortened(text: str, face: Typeface, width: int) -> str:
    while len(text) > 1 and face.width(text) > width:
        text = text.removesuffix("...")[:-1].rstrip() + "..." if len(text) > 4 else text[:-1]
    return text


@lru_cache(maxsize=16)
def _dot(size: int) -> Pixels:
    """A filled circle with smooth edges."""
    at = np.arange(size) + 0.5 - size / 2
    coverage = np.clip(size / 2 - np.hypot(at[None, :], at[:, None]) + 0.5, 0, 1)
    return np.asarray((coverage * 255).round(), np.uint8)


def _elapsed(seconds: float) -> str:
    """How long, in words that change once a second at most.

    >>> _elapsed(7.9), _elapsed(75), _elapsed(7300)
    ('7 s', '1:15', '2:01:40')
    """
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"

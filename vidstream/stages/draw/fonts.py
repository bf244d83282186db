"""Text as masks: real fonts through Pillow, one word at a time, cached.

Pillow brings its own scalable face (Aileron), which is on every machine and has the plain Latin
letters. A label with any other letter is set in the first font found that has all of them, so that
one label never mixes faces unless no single font will do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vidstream.errors import MissingDependency, StageError

Mask: TypeAlias = npt.NDArray[np.uint8]

#: where the usual systems keep fonts with many letters, widest coverage of each script first
_FOLDERS = {
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts"),
    "win32": ("C:/Windows/Fonts",),
}
_FILES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "segoeui.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
)
#: a code point that no font has: what it shows is what any missing letter shows
_NOWHERE = "\U0010fff0"


class Typeface:
    """Words of one size as alpha masks that share a height and a baseline.

    `size` is the em in pixels, `own` a font file to prefer. `missing` collects letters that no font
    here can show.
    """

    def __init__(self, size: int, own: Path | None = None) -> None:
        self.size = size
        self.height = round(1.2 * size)
        self.baseline = round(0.94 * size)
        self.space = max(2, round(0.3 * size))
        self.missing: set[str] = set()
        self._stack: list[_Font] = []
        self._files = _candidates(own)
        self.word = lru_cache(maxsize=512)(self._word)

    def line(self, text: str) -> Mask:
        """`text` on one line, uint8 (height, width), in one font where one has all its letters."""
        words = self._words(text)
        line = np.zeros((self.height, max(1, self._length(words))), np.uint8)
        x = 0
        for word in words:
            line[:, x : x + word.shape[1]] = word
            x += word.shape[1] + self.space
        return line

    def width(self, text: str) -> int:
        """How wide the line is."""
        return self._length(self._words(text))

    def _words(self, text: str) -> list[Mask]:
        # file names may hold halves of letters (lone surrogates), which no font can be asked for
        words = text.encode("utf-8", "replace").decode().split()
        main = self._font_for(frozenset("".join(words)))
        return [self.word(w, main) for w in words]

    def _length(self, words: list[Mask]) -> int:
        return sum(int(word.shape[1]) for word in words) + self.space * (len(words) - 1)

    def _font_for(self, letters: frozenset[str]) -> int:
        """The first font that has all letters, or the one that has most."""
        for index, font in enumerate(self._fonts()):
            if font.has(letters):
                return index
        self.missing |= {c for c in letters if not any(f.has(c) for f in self._stack)}
        counts = [sum(map(f.has, letters)) for f in self._stack]
        return counts.index(max(counts))

    def _word(self, word: str, main: int) -> Mask:
        """One word; letters that its font lacks come from whichever has them."""
        order = [self._stack[main], *self._stack]
        runs: list[tuple[_Font, str]] = []
        for letter in word:
            font = next((f for f in order if f.has(letter)), order[0])
            if runs and runs[-1][0] is font:
                runs[-1] = (font, runs[-1][1] + letter)
            else:
                runs.append((font, letter))
        return np.concatenate([self._drawn(part, font) for font, part in runs], axis=1)

    def _drawn(self, word: str, font: _Font) -> Mask:
        width = max(1, round(font.face.getlength(word) + font.stroke))
        picture = Image.new("L", (width, self.height))
        ImageDraw.Draw(picture).text(
            (font.stroke / 2, self.baseline), word, 255, font.face, anchor="ls", stroke_width=font.stroke
        )
        return np.asarray(picture)

    def _fonts(self) -> Iterator[_Font]:
        """Fonts loaded so far, then one more at a time as far as a caller needs."""
        yield from self._stack
        for path in self._files:
            self._stack.append(_Font.load(path, self.size))
            yield self._stack[-1]


class _Font:
    """A loaded face and which letters it is known to have."""

    def __init__(self, face: ImageFont.FreeTypeFont, stroke: float) -> None:
        self.face = face
        self.stroke = stroke
        self._nothing = bytes(face.getmask(_NOWHERE))
        self._known: dict[str, bool] = {}

    @classmethod
    def load(cls, path: Path | None, size: int) -> _Font:
        """A file's face, or Pillow's own for None. Light faces get a hair of weight: white on colour."""
        try:
            face = ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)
        except OSError as error:
            raise StageError(
                f"font '{path}' cannot be read: {error}", fix="name a .ttf or .otf file"
            ) from None
        if not isinstance(face, ImageFont.FreeTypeFont):
            raise MissingDependency("Pillow without FreeType", fix="pip install --force-reinstall pillow")
        return cls(face, round(0.018 * size, 2))

    def has(self, letters: Iterable[str]) -> bool:
        """True where every letter has a shape of its own."""
        return all(self._known[c] if c in self._known else self._look(c) for c in letters)

    def _look(self, letter: str) -> bool:
        known = self._known[letter] = bytes(self.face.getmask(letter)) != self._nothing
        return known


def _candidates(own: Path | None) -> Iterator[Path | None]:
    """Lazily: only a letter that the first fonts lack makes us look through the system's."""
    if own is not None:
        yield own
    yield None
    yield from fallback_files()


@cache
def fallback_files() -> tuple[Path, ...]:
    """Fonts of this machine that have more than plain Latin letters."""
    found: dict[str, Path] = {}
    for folder in (_opencv_fonts(), *map(Path, _FOLDERS.get(sys.platform, ()))):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            found.setdefault(path.name, path)
    return tuple(found[name] for name in _FILES if name in found)


def _opencv_fonts() -> Path:
    """OpenCV's Linux wheels carry DejaVu for their windows; it is there where no system font is."""
    spec = find_spec("cv2")
    return Path(spec.origin).parent / "qt" / "fonts" if spec and spec.origin else Path("/nonexistent")

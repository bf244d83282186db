"""Signs with words on them, which change every second or two."""

from __future__ import annotations

from typing import Final

import numpy as np

from vidstream.sources.scenes import setting as s
from vidstream.types import Pixels, Tracks

WORDS: Final = (
    *("STATION", "PLATFORM", "EXIT", "TICKETS", "MUSEUM", "GARDEN", "BRIDGE", "HARBOUR", "LIBRARY", "MARKET"),
    *("THEATRE", "AIRPORT", "HOSPITAL", "SCHOOL", "OFFICE", "CENTRAL", "NORTH", "SOUTH", "BAKERY", "CINEMA"),
)
NAMES: Final = dict(enumerate(WORDS))
_PAPER, _INK = (232, 238, 240), (44, 36, 32)


class Words:
    """The scene ``synthetic:text``: one sign per object, one below the other; `names` of the truth are the
    words, and a sign gets a new id with every word."""

    def __init__(self, setting: s.Setting) -> None:
        self._setting = setting
        rng = np.random.default_rng(setting.seed)
        self._holds = rng.uniform(1.2, 2.4, setting.objects).tolist()
        self._orders = [rng.permutation(len(WORDS)).tolist() for _ in range(setting.objects)]
        self._wall = s.texture(setting, (140, 120, 104), 6.0, max(4, setting.height // 16))
        self._signs: dict[int, Pixels] = {}

    def draw(self, time: float) -> Pixels:
        """The picture."""
        picture = self._wall.copy()
        for seen in self._seen(time):
            x1, y1 = max(0, round(seen.box[0])), max(0, round(seen.box[1]))
            room = picture[y1:, x1:]  # in a small picture a sign may be cut off
            sign = self._sign(seen.class_id)[: room.shape[0], : room.shape[1]]
            room[: sign.shape[0], : sign.shape[1]] = sign
        return picture

    def truth(self, time: float) -> Tracks:
        """Boxes of the signs."""
        return s.tracks_of(self._seen(time), self._setting, NAMES)

    def _seen(self, time: float) -> list[s.Seen]:
        seen = []
        row = self._setting.height / len(self._holds)
        for number, (hold, order) in enumerate(zip(self._holds, self._orders, strict=True)):
            turn = int(time / hold)
            word = order[turn % len(order)]
            high, wide = self._sign(word).shape[:2]
            x, y = round((self._setting.width - wide) / 2), round(row * (number + 0.5) - high / 2)
            track_id = turn * len(self._holds) + number + 1
            seen.append(s.Seen(track_id, word, (x, y, x + wide, y + high)))
        return seen

    def _sign(self, word: int) -> Pixels:
        """The sign with this word, drawn once."""
        if word not in self._signs:
            self._signs[word] = _lettered(WORDS[word], self._letter_height())
        return self._signs[word]

    def _letter_height(self) -> int:
        """So that all signs fit below each other and the longest word fits the width."""
        row = self._setting.height / len(self._holds)
        return max(8, round(min(0.5 * row, self._setting.width / 9)))


def _lettered(word: str, size: int) -> Pixels:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(word)
    border = size // 3
    sign = Image.new(
        "RGB", (round(right - left) + 2 * border, round(bottom - top) + 2 * border), _PAPER[::-1]
    )
    ImageDraw.Draw(sign).text((border - left, border - top), word, _INK[::-1], font)
    return np.asarray(sign, np.uint8)[:, :, ::-1]

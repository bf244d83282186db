"""Clips on disk: the film, the picture of its best moment, and what happened in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from vidstream.errors import SinkError
from vidstream.graph.footage import EncodedPacket
from vidstream.sinks.base import write_whole
from vidstream.sinks.plain import DECIMALS, PIXEL_DECIMALS, utc
from vidstream.sinks.roll import Clip
from vidstream.sinks.rows import VERSION, encode, event_row
from vidstream.sinks.segments import Segments
from vidstream.sinks.snapshot import Moment

_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Saved:
    """A clip that is complete: its files, relative to the output folder."""

    clip: Clip
    data: dict[str, Any]


class ClipStore:
    """Writes one clip after the other. Used by one thread at a time; raises OSError."""

    def __init__(self, segments: Segments, root: Path, source: str) -> None:
        self._segments = segments
        self._root = root.resolve()
        self._source = source
        self._broken = False

    def add(self, packet: EncodedPacket, wall: float, *, first: bool) -> None:
        """Add a packet, to a new clip where it is the `first`."""
        if first:
            self._broken = False
        if self._broken:
            return
        self._broken = True
        self._segments.write(packet, wall, cut=first)
        self._broken = False

    def finish(self, clip: Clip) -> Saved | None:
        """Complete the clip; None where nothing of it could be written."""
        self._segments.finish()
        film, self._segments.last = self._segments.last, None
        if self._broken or film is None or clip.covers is None:
            return None
        names = {"clip": film}
        if clip.best is not None:
            names["snapshot"] = film.with_suffix(".jpg")
            write_whole(names["snapshot"], _jpeg(clip.best))
        names["details"] = film.with_suffix(".json")
        files = {what: path.relative_to(self._root).as_posix() for what, path in names.items()}
        write_whole(names["details"], encode(self._story(clip) | files).encode() + b"\n")
        begin, end = clip.covers
        data = files | {"begin": round(begin, DECIMALS), "end": round(end, DECIMALS), "events": clip.count}
        return Saved(clip, data)

    def _story(self, clip: Clip) -> dict[str, Any]:
        assert clip.covers is not None, "asked before"
        begin, end = clip.covers
        story: dict[str, Any] = {
            "v": VERSION,
            "type": "clip",
            "source": self._source,
            "segment": clip.segment,
            "begin": round(begin, DECIMALS),
            "end": round(end, DECIMALS),
            "wall": utc(clip.wall),
        }
        if (best := clip.best) is not None:
            box = None if best.box is None else [round(x, PIXEL_DECIMALS) for x in best.box]
            track = best.track_id if best.track_id >= 0 else None
            story["best"] = {"pts": round(best.frame.pts, DECIMALS), "id": track, "box": box}
        rows = [event_row(event, clip.segment) for event in clip.events]
        return story | {"events": rows, "count": clip.count}


def _jpeg(moment: Moment) -> bytes:
    encoded, data = cv2.imencode(".jpg", moment.image.pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not encoded:  # JPEG ends at 65500 pixels
        raise SinkError("the picture of the best moment cannot be encoded", fix="resize it (image.resize)")
    return data.tobytes()

"""sink.mot: tracks as MOTChallenge text."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.motfile import mot_lines
from vidstream.graph.stage import stage
from vidstream.sinks.lines import LineSink
from vidstream.types import FrameInfo, Tracks
from vidstream.types.values import OutputFile


@stage("sink.mot", sink=True)
class MotSink(LineSink):
    """Write tracks as MOTChallenge text, for evaluation with the field's tools.

    One row per track and frame, ``frame,id,x,y,w,h,score,-1,-1,-1``: frames count from 1, x and y are
    the top left corner in pixels of the source. (L. Leal-Taixe et al., MOTChallenge 2015)

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          mot: {use: sink.mot, path: "${source}.txt"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write
        coasting: bool = False  #: also write tracks that are only predicted on a frame

    params: Params

    def process(self, tracks: Tracks, frame: FrameInfo) -> None:
        """Write one row per track."""
        seen = tracks.seen_now()
        if not self.params.coasting and not seen.all():  # picking rows costs 15 us
            tracks = tracks[seen]
        self.write(mot_lines(frame.seq + 1, tracks))

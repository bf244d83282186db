"""Labels as JSON Lines, and kept between two passes over a recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vidstream.graph.params import make_params
from vidstream.graph.ports import OutputPort
from vidstream.graph.tape import Tape
from vidstream.sinks.jsonl import JsonLinesSink
from vidstream.sinks.rows import label_rows
from vidstream.types import FrameInfo, Labels, StreamInfo

LABELS = Labels(np.array([21, 3]), np.array([0.526349, 0.2], np.float32), {21: "kite"})
FRAME = FrameInfo("test", 0, 0, 0.0, None, 0.0, 64, 48)


def test_a_frames_line_holds_its_labels_best_first(tmp_path: Path) -> None:
    sink = JsonLinesSink(make_params(JsonLinesSink.Params, {"path": "x.jsonl"}, "log"))
    sink.out_root = tmp_path
    sink.open(StreamInfo("test", 64, 48))
    sink.process(frame=FRAME, labels=(LABELS,))
    sink.process(frame=FRAME, labels=())
    sink.close()
    (line,) = (tmp_path / "x.jsonl").read_text().splitlines()
    assert json.loads(line)["labels"] == [{"class": "kite", "score": 0.5263}, {"class": "3", "score": 0.2}]


def test_labels_are_small_enough_to_be_kept_for_a_second_pass() -> None:
    tape = Tape([OutputPort("labels", Labels)])
    assert tape.keeps("labels")
    tape.write(0, [LABELS])
    tape.finish([None])
    again = tape.player()(FRAME)
    assert list(again.rows()) == list(LABELS.rows())
    assert label_rows(again) == label_rows(LABELS)

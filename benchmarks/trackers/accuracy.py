"""How well everybody follows the benchmarks' recordings: HOTA, MOTA, IDF1 and switches per family."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trackers.contestants import INSTALL, Contestant, TrackerError, Worker, workers
from benchmarks.trackers.data import CACHE, Recording, recording_file, recordings
from trackers.evaluation import Scores, combine
from trackers.evaluation.fast import fast_score
from trackers.motfile import MotRows
from trackers.offline import History, refine

FAMILIES = ("MOT15", "KITTI", "MOT17 val half", "MOT17")


@dataclass(frozen=True, slots=True)
class Result:
    """A contestant's scores with one variant of its settings, per family."""

    contestant: Contestant
    variant: str
    scores: Mapping[str, Scores]

    @property
    def hota(self) -> float:
        """The average that decides between variants."""
        return float(np.mean([s.hota for s in self.scores.values()]))


def measure(contestants: tuple[Contestant, ...]) -> Iterator[Result]:
    """Each contestant with each variant; what the cache has is not run again."""
    everything = list(recordings(FAMILIES))
    with workers(contestants) as started:
        for contestant in contestants:
            if contestant.package not in started:
                continue
            for variant in contestant.variants:
                try:
                    worker = started[contestant.package]
                    parts = {r: _score(worker, contestant, variant, r) for r in everything}
                except TrackerError as failure:  # others are compared all the same
                    print(failure, file=sys.stderr)
                    continue
                families = {
                    family: combine(s for r, s in parts.items() if r.family == family) for family in FAMILIES
                }
                result = Result(contestant, variant, families)
                print(f"{contestant.name}, {variant}: HOTA {result.hota:.3f}", file=sys.stderr)
                yield result


def best(results: Iterator[Result] | list[Result]) -> list[Result]:
    """Of each contestant the variant with the best HOTA on average."""
    chosen: dict[str, Result] = {}
    for result in results:
        before = chosen.get(result.contestant.name)
        if before is None or result.hota > before.hota:
            chosen[result.contestant.name] = result
    return list(chosen.values())


def table(results: list[Result]) -> list[str]:
    """Markdown: one line per contestant, families side by side, best HOTA first."""
    lines = [
        "| HOTA / MOTA / IDF1 / switches | settings | " + " | ".join(FAMILIES) + " |",
        "|---|---|" + "---|" * len(FAMILIES),
    ]
    for result in sorted(results, key=lambda r: -r.hota):
        cells = [_cell(result.scores[family]) for family in FAMILIES]
        lines.append(f"| {result.contestant.name} | {result.variant} | " + " | ".join(cells) + " |")
    return lines


def _cell(s: Scores) -> str:
    return f"{100 * s.hota:.1f} / {100 * s.mota:.1f} / {100 * s.idf1:.1f} / {s.switches}"


def _score(worker: Worker, contestant: Contestant, variant: str, recording: Recording) -> Scores:
    kept = _cache_file(contestant, variant, recording)
    if kept is not None and kept.exists():
        return _read(kept)
    output = CACHE / "results" / f"{contestant.key}-{variant}-{recording.family}-{recording.name}.npz"
    output.parent.mkdir(parents=True, exist_ok=True)
    worker.run(contestant, variant, recording_file(recording), output=str(output))
    rows = _reported(output)
    if contestant.key.endswith("+refine"):
        rows = _refined(recording, rows)
    rows = replace(rows, frames=rows.frames + recording.first - 1)
    scores = fast_score(recording.sequence, rows, (recording.first, recording.last))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({k: np.asarray(v).tolist() for k, v in asdict(scores).items()}))
    return scores


def _reported(path: Path) -> MotRows:
    data: Mapping[str, Any] = np.load(path)
    boxes, scores = data["boxes"].astype(np.float32), data["scores"].astype(np.float32)
    return MotRows(data["frames"], data["ids"], boxes, scores, data["class_ids"])


def _refined(recording: Recording, rows: MotRows) -> MotRows:
    """What a second pass over the recording makes of it."""
    sequence = recording.sequence
    times = np.arange(recording.last - recording.first + 2) / sequence.fps
    times[0] = np.nan  # frames count from 1
    return refine(
        History.from_mot(rows, sequence.fps),
        detections=History.from_mot(recording.detections(), sequence.fps),
        frame_times=times,
        size=(sequence.width, sequence.height),
    ).to_mot()


def _cache_file(contestant: Contestant, variant: str, recording: Recording) -> Path | None:
    """Where a peer's score is kept; ours change from day to day and are always run."""
    if contestant.package == "ours":
        return None
    what = [INSTALL[contestant.package], contestant.variants[variant], contestant.key, contestant.camera]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    digest.update(recording_file(recording).read_bytes())
    return CACHE / "scores" / f"{contestant.key}-{recording.name}-{digest.hexdigest()[:16]}.json"


def _read(path: Path) -> Scores:
    values: Mapping[str, Any] = json.loads(path.read_text())
    counts: Any = {k: np.asarray(v, float) if isinstance(v, list) else v for k, v in values.items()}
    return Scores(**counts)

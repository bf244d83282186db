"""What the page tells of a run, as plain values."""

from __future__ import annotations

from typing import Any

from vidstream.graph.lane import Lane
from vidstream.sinks.plain import plain
from vidstream.types.values import redact
from vidstream.web import process
from vidstream.web.watcher import Watcher

#: version of the JSON forms: goes up when a field changes its meaning or goes away
VERSION = 1
#: seconds within which a healthy source has given a good frame, unless a request says otherwise
WITHIN = 10.0


def state(watcher: Watcher) -> dict[str, Any]:
    """The run at a glance."""
    report = watcher.engine.report()
    return {
        "v": VERSION,
        "run": watcher.happenings.run,
        "wall": watcher.clock.time(),
        "elapsed_s": round(report.elapsed, 3),
        "stopped": report.stopped,
        "advice": report.advice(),
        "sources": sources(watcher),
        "process": process.to_json(),
    }


def sources(watcher: Watcher) -> list[dict[str, Any]]:
    """All sources."""
    return [source(watcher, lane) for lane in watcher.lanes()]


def source(watcher: Watcher, lane: Lane) -> dict[str, Any]:
    """One source: what it is, how it is, how old its newest picture is."""
    name, now = lane.name, lane.status.now
    reader, ledger = lane.current.reader, lane.passages[-1].ledger
    last, age = reader.last if reader else None, watcher.age(name)
    kept, offer, share = lane.status.to_json(), watcher.offer(name), watcher.share(name)
    return {
        "name": name,
        "kind": offer.plan.source.spec.name if offer else "",
        "uri": redact(reader.stream.uri) if reader else "",
        "live": lane.live,
        "state": kept["state"],
        "cause": kept["cause"],
        "since": kept["since"],
        "arriving": now is not None and now.arriving,
        "width": last.width if last else 0,
        "height": last.height if last else 0,
        "fps": round(watcher.paces["done", name].per_second, 2),
        "decoded_fps": round(watcher.paces["decoded", name].per_second, 2),
        "last_frame_s": kept["last_frame_s"],
        "picture_s": None if age is None else round(age, 3),
        "age_ms": {
            "p50": round(lane.age.quantile(0.5) * 1e3, 1),
            "p95": round(lane.age.quantile(0.95) * 1e3, 1),
        },
        "frames": {
            "decoded": ledger.decoded,
            "done": ledger.done,
            "dropped": ledger.dropped.total(),
            "failed": ledger.failed.total(),
        },
        "reconnects": reconnects(kept["times"]),
        "error": redact(str(lane.error)) if lane.error else "",
        "share": None if share is None else round(share, 4),
        "layers": list(offer.layers) if offer else [],
        "usual": sorted(offer.usual) if offer else [],
        "drawn": bool(offer and offer.canvases),
    }


def reconnects(times: dict[str, int]) -> int:
    """How often a source came back, from how often it was in which state."""
    return max(0, times.get("live", 0) - 1)


def details(watcher: Watcher, lane: Lane) -> dict[str, Any]:
    """One source with its past, its stages and its numbers."""
    return {
        **source(watcher, lane),
        "history": [
            {"state": s.state, "cause": s.cause, "wall": s.wall} for s in reversed(lane.status.recent)
        ],
        "stages": stages(watcher, lane),
        "dropped": lane.passages[-1].ledger.to_json()["dropped"],
        "counts": counts(watcher, lane.name),
    }


def stages(watcher: Watcher, lane: Lane) -> list[dict[str, Any]]:
    """What each stage of a source did, what it costs, and what waits in front of it."""
    assembly, passage = lane.assembly, lane.passages[-1]
    dropped = dict(passage.ledger.dropped)
    failed = dict(passage.ledger.failed)
    firsts = {segment.nodes[0].id: segment for segment in assembly.segments if segment.nodes}
    rows = []
    for node in assembly.nodes:
        segment, workers = firsts.get(node.id), node.metrics.workers
        rows.append(
            {
                **node.metrics.to_json(passage.elapsed),
                "busy_now": round(watcher.paces["busy", lane.name, node.id].per_second / workers, 4),
                "runs_now": round(watcher.paces["runs", lane.name, node.id].per_second, 2),
                # only the first stage on a thread has a queue in front of it
                "queue": len(segment.input) if segment else None,
                "queue_peak": segment.input.peak if segment else None,
                "dropped": sum(frames for (place, _), frames in dropped.items() if place == node.id),
                "failed": failed.get(node.id, 0),
            }
        )
    return rows


def metrics(watcher: Watcher) -> dict[str, Any]:
    """The stages of all sources, and what they share."""
    report = watcher.engine.report()
    return {
        "v": VERSION,
        "elapsed_s": round(report.elapsed, 3),
        "sources": [
            {
                "source": lane.name,
                "fps": round(watcher.paces["done", lane.name].per_second, 2),
                "decoded_fps": round(watcher.paces["decoded", lane.name].per_second, 2),
                "age_p95_ms": round(lane.age.quantile(0.95) * 1e3, 1),
                "dropped_at_source": sum(
                    frames
                    for (place, _), frames in dict(lane.passages[-1].ledger.dropped).items()
                    if place == "source"
                ),
                "stages": stages(watcher, lane),
            }
            for lane in watcher.lanes()
        ],
        "shared": [shared.to_json() for shared in report.shared],
        "page": {
            "looks": watcher.studio.viewers,
            "encoded": watcher.studio.encoded,
            "encoding_s": round(watcher.studio.seconds, 3),
        },
        "process": process.to_json(),
    }


def counts(watcher: Watcher, source: str) -> list[dict[str, Any]]:
    """A source's running numbers."""
    return [
        {"stage": stage, "place": place, "values": plain(dict(labels))}
        for stage, found in sorted(dict(watcher.counts.get(source, {})).items())
        for place, labels in found.values.items()
    ]


def notices(watcher: Watcher) -> dict[str, Any]:
    """What a person may need to know, the newest first, and how often each was noted."""
    book = watcher.engine.notices
    return {
        "recent": [
            {"wall": wall, "kind": n.kind, "source": n.source, "stage": n.stage, "message": n.message}
            for wall, n in reversed(book.recent)
        ],
        "counts": book.to_json(),
    }


def health(watcher: Watcher, within: float) -> dict[str, Any]:
    """Whether every source that has not come to its end gave a good frame in the last `within` seconds.

    That it is connected does not count; that it was given up with an error does.
    """
    rows = []
    for lane in watcher.lanes():
        ended = lane.ended is not None and lane.error is None
        good = watcher.good.get(lane.name)
        age = None if good is None else max(0.0, watcher.clock.monotonic() - good)
        kept = lane.status.to_json()
        waiting = lane.started is None and not lane.live
        fine = ended or waiting or (lane.error is None and age is not None and age <= within)
        rows.append(
            {
                "source": lane.name,
                "ok": fine,
                "state": kept["state"],
                "good_frame_s": None if age is None else round(age, 3),
                "cause": redact(str(lane.error)) if lane.error else kept["cause"],
            }
        )
    return {"ok": all(row["ok"] for row in rows), "within_s": within, "sources": rows}

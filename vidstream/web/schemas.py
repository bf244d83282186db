"""What the API's answers look like, as JSON Schema (2020-12): every field is there, and no other."""

from __future__ import annotations

from typing import Any, Final, get_args

from vidstream.types import SourceState

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "number"}
WHOLE: Final[Schema] = {"type": "integer"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TRUTH: Final[Schema] = {"type": "boolean"}
SHARE: Final[Schema] = {"type": "number", "minimum": 0}


def maybe(schema: Schema) -> Schema:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def rows(schema: Schema) -> Schema:
    """Any number of them."""
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """One of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


_STATE: Final[Schema] = {"type": "string", "enum": list(get_args(SourceState))}
_SOURCE: Final[dict[str, Schema]] = {
    "name": TEXT,
    "kind": TEXT,
    "uri": TEXT,
    "live": TRUTH,
    "state": _STATE,
    "cause": TEXT,
    "since": maybe(NUMBER),
    "arriving": TRUTH,
    "width": COUNT,
    "height": COUNT,
    "fps": NUMBER,
    "decoded_fps": NUMBER,
    "last_frame_s": maybe(NUMBER),
    "picture_s": maybe(NUMBER),
    "age_ms": record(p50=NUMBER, p95=NUMBER),
    "frames": record(decoded=COUNT, done=COUNT, dropped=COUNT, failed=COUNT),
    "reconnects": COUNT,
    "error": TEXT,
    "share": maybe(NUMBER),
    "layers": rows(TEXT),
    "usual": rows(TEXT),
    "drawn": TRUTH,
}
_STAGE: Final[Schema] = {
    # further figures of a stage may come
    **record(
        stage=TEXT,
        use=TEXT,
        thread=COUNT,
        runs=COUNT,
        failures=COUNT,
        p50_ms=NUMBER,
        p95_ms=NUMBER,
        mean_ms=NUMBER,
        busy=NUMBER,
        busy_now=NUMBER,
        runs_now=NUMBER,
        queue=maybe(COUNT),
        queue_peak=maybe(COUNT),
        dropped=COUNT,
        failed=COUNT,
    ),
    "additionalProperties": True,
}
_PROCESS: Final[Schema] = record(
    pid=COUNT,
    started=NUMBER,
    cpu_s=NUMBER,
    memory_bytes=maybe(COUNT),
    open_files=maybe(COUNT),
    threads=COUNT,
)
_EVENT: Final[dict[str, Schema]] = {
    "id": TEXT,
    "source": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "class": TEXT,
    "track": maybe(COUNT),
    "pts": NUMBER,
    "wall": NUMBER,
    "time": maybe(TEXT),
    "box": maybe({"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4}),
    "data": {"type": "object"},
    "snapshot": maybe(TEXT),
}
_COUNTS: Final[Schema] = record(
    stage=TEXT, place=TEXT, values={"type": "object", "additionalProperties": maybe(NUMBER)}
)
_NOTICE: Final[dict[str, Schema]] = {"kind": TEXT, "source": TEXT, "stage": TEXT, "message": TEXT}
_BOX: Final[Schema] = record(
    id=TEXT,
    use=TEXT,
    role={"type": "string", "enum": ["source", "stage", "sink"]},
    row=COUNT,
    column=COUNT,
    remarks=TEXT,
)

COMPONENTS: Final[dict[str, Schema]] = {
    "Error": record(error=record(status=WHOLE, message=TEXT)),
    "Source": record(**_SOURCE),
    "Stage": _STAGE,
    "Process": _PROCESS,
    "Event": record(**_EVENT),
    "Counts": _COUNTS,
    "State": record(
        v=WHOLE,
        run=TEXT,
        wall=NUMBER,
        elapsed_s=NUMBER,
        stopped=TRUTH,
        advice=TEXT,
        sources=rows(ref("Source")),
        process=ref("Process"),
    ),
    "Sources": record(sources=rows(ref("Source"))),
    "SourceDetails": record(
        **_SOURCE,
        history=rows(record(state=_STATE, cause=TEXT, wall=NUMBER)),
        stages=rows(ref("Stage")),
        dropped=rows(record(place=TEXT, reason=TEXT, frames=COUNT)),
        counts=rows(ref("Counts")),
    ),
    "Graphs": record(
        graphs=rows(
            record(
                sources=rows(TEXT),
                boxes=rows(_BOX),
                arrows=rows(record(start=TEXT, end=TEXT, label=TEXT, dashed=TRUTH)),
            )
        )
    ),
    "Metrics": record(
        v=WHOLE,
        elapsed_s=NUMBER,
        sources=rows(
            record(
                source=TEXT,
                fps=NUMBER,
                decoded_fps=NUMBER,
                age_p95_ms=NUMBER,
                dropped_at_source=COUNT,
                stages=rows(ref("Stage")),
            )
        ),
        shared=rows(record(use=TEXT, frames=COUNT, batches=COUNT, p50_ms=NUMBER, p95_ms=NUMBER)),
        page=record(looks=COUNT, encoded=COUNT, encoding_s=NUMBER),
        process=ref("Process"),
    ),
    "Events": record(run=TEXT, events=rows(ref("Event"))),
    "History": record(
        end=NUMBER,
        step=NUMBER,
        series=rows(record(source=TEXT, stage=TEXT, place=TEXT, label=TEXT, values=rows(maybe(NUMBER)))),
    ),
    "Notices": record(
        recent=rows(record(wall=NUMBER, **_NOTICE)), counts=rows(record(**_NOTICE, times=COUNT))
    ),
    "Health": record(
        ok=TRUTH,
        within_s=NUMBER,
        sources=rows(record(source=TEXT, ok=TRUTH, state=_STATE, good_frame_s=maybe(NUMBER), cause=TEXT)),
    ),
    # the report is the one that `metrics:` writes; docs/results.md describes it
    "Report": {"type": "object", "required": ["v", "sources", "notices", "exit_code"]},
    "Done": record(done=TRUTH, message=TEXT),
}

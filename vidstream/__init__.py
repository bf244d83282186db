"""Streaming video analytics: one YAML file per job, the same graph on a live camera and on a recording.

>>> from vidstream import Pipeline, Stage, stage
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidstream.errors import VidstreamError
    from vidstream.graph.source import Frame, Source, source
    from vidstream.graph.stage import Stage, stage
    from vidstream.pipeline import Pipeline

__version__ = "0.1.0"
__all__ = ["Frame", "Pipeline", "Source", "Stage", "VidstreamError", "source", "stage"]

_HOMES = {
    "VidstreamError": "vidstream.errors",
    "Frame": "vidstream.graph.source",
    "Source": "vidstream.graph.source",
    "source": "vidstream.graph.source",
    "Stage": "vidstream.graph.stage",
    "stage": "vidstream.graph.stage",
    "Pipeline": "vidstream.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first asked for: the lower floors need none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vidstream' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)

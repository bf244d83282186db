"""How a camera's picture may be looked at: the graph's own drawing, or layers chosen by who looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from vidstream.errors import UsageError
from vidstream.graph.description import Plan, Slot, StageEntry
from vidstream.graph.kinds import Reading
from vidstream.graph.stage import spec_of
from vidstream.graph.wiring import wire
from vidstream.stages.draw.overlay import Overlay
from vidstream.types import Canvas, Detections, FrameInfo, Packet, StreamInfo, Tracks, View
from vidstream.web.scaling import shrunk

#: what can be drawn on a camera's own picture
LAYERS: Final = ("boxes", "labels", "trails", "zones", "masks")
#: widths that pictures come in: a wish is rounded up, so that many who look share one picture
WIDTHS: Final = (320, 480, 640, 960, 1280, 1920)
#: seconds for which a graph that draws some frames only is not helped out: two styles in turn would flicker
_PATIENCE: Final = 2.0
#: stages behind which the camera's own picture is nobody's business
_HIDING: Final = frozenset({"face.hide"})
#: stages whose picture is meant for people; others of their kind prepare it for detectors
_MEANT: Final = ("effect.", "image.rotate", "image.flip")
#: stages whose drawing is of several cameras
_WALLS: Final = frozenset({"draw.mosaic"})


@dataclass(frozen=True, slots=True)
class Look:
    """Which picture of which camera."""

    source: str
    width: int = 640
    #: layers to draw; None takes what the graph has drawn, or the usual ones
    layers: frozenset[str] | None = None
    #: for eyes without the page around: a picture that is not new is greyed and says so itself
    captioned: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What one source's graph gives to look at."""

    plan: Plan
    #: port of the overlay -> what feeds it
    inputs: dict[str, tuple[Slot, ...]]
    #: drawings that the graph makes itself, the last one first
    canvases: tuple[Slot, ...]
    #: the picture that the graph has made for people, to be drawn on; None takes the camera's own
    picture: Slot | None
    #: faces are hidden: only the graph's own drawing may be seen
    private: bool
    #: objects keep their ids
    followed: bool

    @classmethod
    def of(cls, plan: Plan) -> Offer:
        """What an overlay at the end of this graph would be given."""
        name = "page"
        while name in {entry.id for entry in plan.stages}:
            name += "_"
        reading = Reading()
        entry = StageEntry(name, spec_of(Overlay), Overlay.Params())
        wiring = wire((*plan.stages, entry), reading)
        if reading.problems:
            raise UsageError("\n".join(map(str, reading.problems)))
        outputs = [
            (stage.spec.name, (stage.id, output.name), output.type)
            for stage in reversed(wiring.order)
            if stage.id != name
            for output in stage.spec.signature.outputs
        ]
        return cls(
            plan,
            dict(wiring.bindings[name]),
            tuple(slot for use, slot, kind in outputs if issubclass(kind, Canvas) and use not in _WALLS),
            next((slot for use, slot, kind in outputs if kind is View and use.startswith(_MEANT)), None),
            private=any(use in _HIDING for use, _, _ in outputs),
            followed=any(issubclass(kind, Tracks) for _, _, kind in outputs),
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that this graph has something for."""
        objects, masks = self.inputs.get("objects"), self.inputs.get("masks")
        there = {
            "boxes": objects,
            "labels": objects or self.inputs.get("texts") or self.inputs.get("labels"),
            "trails": objects and self.followed,
            "zones": self.inputs.get("counts") or self.inputs.get("events"),
            "masks": objects or masks,
        }
        return () if self.private else tuple(layer for layer in LAYERS if there[layer])

    @property
    def usual(self) -> frozenset[str]:
        """The layers that are drawn where nobody has chosen any: boxes say enough without masks."""
        wanted = {"masks"} if not self.inputs.get("objects") else set()
        return frozenset(layer for layer in self.layers if layer != "masks" or layer in wanted)

    def canvas(self, packet: Packet) -> Canvas | None:
        """The graph's own drawing of a frame."""
        # where faces are hidden, an earlier drawing may show them
        slots = self.canvases[:1] if self.private else self.canvases
        found = (value_of(packet, slot) for slot in slots)
        return next((value for value in found if value is not None), None)

    def values(self, packet: Packet, port: str) -> tuple[Any, ...]:
        """What there is on a frame for one of the overlay's ports."""
        found = (value_of(packet, slot) for slot in self.inputs.get(port, ()))
        return tuple(value for value in found if value is not None)

    def bare(self, packet: Packet) -> View | Canvas | None:
        """The picture that anything may be drawn on, or cut from."""
        if self.private:
            return self.canvas(packet)
        found: View | None = packet.image if self.picture is None else value_of(packet, self.picture)
        return found


def value_of(packet: Packet, slot: Slot) -> Any:
    """What a stage gave on a frame, or None."""
    return packet.results.get(f"{slot[0]}.{slot[1]}")


class Painter:
    """Draws one look, frame after frame: an overlay remembers trails and what its stages last gave."""

    def __init__(self, offer: Offer, layers: frozenset[str] | None) -> None:
        self._offer = offer
        self._own = layers is None or offer.private
        self._layers = offer.usual if layers is None else layers
        self._overlay: Overlay | None = None
        self._segment = -1
        #: arrival of the last frame that the graph has drawn itself
        self._drawn = -math.inf

    def paint(self, packet: Packet, width: int) -> View | Canvas | None:
        """A frame as this look shows it, no wider than that; None where there is nothing to show yet."""
        frame = packet.frame
        if self._own and (canvas := self._offer.canvas(packet)) is not None:
            self._drawn = frame.mono
            return shrunk(canvas, width)
        bare = self._offer.bare(packet)
        if self._offer.private or bare is None or frame.mono - self._drawn < _PATIENCE:
            return None
        picture = shrunk(bare, width)  # first: there is less to draw on, and letters fit its size
        if not self._layers:
            return picture
        overlay = self._overlay_for(frame)
        ports = {
            port: self._offer.values(packet, port) for port in self._offer.inputs if port in self._ports()
        }
        if "masks" not in self._layers:
            ports["objects"] = tuple(_bare(objects) for objects in ports.get("objects", ()))
        return overlay.process(picture, frame, **ports)

    def _ports(self) -> Iterable[str]:
        if self._layers & {"boxes", "labels", "trails", "masks"}:
            yield "objects"
        if "labels" in self._layers:
            yield from ("texts", "labels")
        if "zones" in self._layers:
            yield from ("counts", "events")
        if "masks" in self._layers:
            yield "masks"

    def _overlay_for(self, frame: FrameInfo) -> Overlay:
        """The overlay; a new one behind a gap, for what it remembers is no longer there."""
        if self._overlay is None or frame.segment != self._segment:
            layers = self._layers
            self._segment = frame.segment
            self._overlay = Overlay(
                Overlay.Params(
                    labels="auto" if "labels" in layers else "off",
                    trail=2.0 if "trails" in layers else 0.0,
                    boxes="corners" if "boxes" in layers else "none",
                    keypoints="boxes" in layers,
                    hud=False,
                )
            )
            self._overlay.source = frame.source
            self._overlay.open(StreamInfo(frame.source, frame.width, frame.height))
        return self._overlay


def _bare(objects: Detections) -> Detections:
    return objects if objects.masks is None else replace(objects, masks=None)


def fitting(width: int) -> int:
    """The width that a wish gets.

    >>> fitting(500), fitting(4000)
    (640, 1920)
    """
    return next((known for known in WIDTHS if known >= width), WIDTHS[-1])


def read_layers(text: str) -> frozenset[str]:
    """Layers as a query names them; ValueError names one that is none."""
    names: Sequence[str] = [name for name in text.split(",") if name]
    for name in names:
        if name not in LAYERS:
            raise ValueError(f"there is no layer '{name}'; there are {', '.join(LAYERS)}")
    return frozenset(names)

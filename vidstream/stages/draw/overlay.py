"""The overlay: everything a graph has found out, on the picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vidstream.errors import ParamError
from vidstream.geometry import feet
from vidstream.graph.stage import Stage, stage
from vidstream.stages.draw.board import Board
from vidstream.stages.draw.boxes import BoxStyle
from vidstream.stages.draw.cards import clock, event_parts, label_rows, panel_rows
from vidstream.stages.draw.group import Group
from vidstream.stages.draw.labels import Floor, Label, draw_labels
from vidstream.stages.draw.look import Look
from vidstream.stages.draw.memory import Held, Recent
from vidstream.stages.draw.palette import DIM, WHITE, name_colour
from vidstream.stages.draw.patches import Patch
from vidstream.stages.draw.places import on_picture
from vidstream.stages.draw.template import FOLLOWED, FOUND, Template
from vidstream.stages.draw.tint import tint_labels
from vidstream.stages.draw.trails import Trails
from vidstream.types import (
    Canvas,
    Counts,
    Detections,
    Events,
    FrameInfo,
    Gap,
    Image,
    Labels,
    Masks,
    Pixels,
    StreamInfo,
    Texts,
    Tracks,
)
from vidstream.types.values import InputFile, Positive, Ratio, Seconds

#: a trail gets a new point once the object has moved by so many strokes
_TRAIL_STEP = 2.0
#: zones are larger than masks, so they cover what is in them less
_ZONE_SHARE = 1 / 3
#: so many names of a label map are shown
_LEGEND = 12


@stage("draw.overlay")
class Overlay(Stage):
    """Draw everything that was found on the picture: boxes, labels, trails, counters, events.

    Takes whatever the stages before it give; the picture itself stays as it was, the drawing is a copy.
    What the whole picture shows (classify.frame) stands bottom right. Tracks are coloured by their id,
    detections by their class, the same on every run. Tracks that were not detected for longer than
    `hold`, and are only predicted, are dashed. Lines show an arrow to the side that counts as "in"; lines
    and zones light up when something happens there, other events appear as a banner. Sizes follow the
    picture's.

    Drawn on a resized, cropped or turned view, everything lands where it belongs.

    Labels are words and fields: ``{name}``, ``{id}``, ``{score}`` and ``{extra.COLUMN}`` for a measured
    column; numbers take a form such as ``{score:.0%}`` or ``{extra.speed:.1f}``. A word whose field has
    no value is left out.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          cross: {use: count.line, lines: {door: [[0.5, 0.0], [0.5, 1.0]]}}
          draw: {use: draw.overlay, labels: "{name} #{id}", trail: 3s}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """What is drawn, and how."""

        #: what a label says, such as "{name} #{id} {score:.0%}"; auto: name and id, or name and score
        labels: Literal["auto", "off"] | str = "auto"
        trail: Seconds = 2.0  #: length of the trails behind tracks; 0 draws none
        hold: Seconds = 0.3  #: show results for so long on frames where their stage did not run
        hud: bool = True  #: a line with source, time and number of objects
        boxes: BoxStyle = "corners"  #: thin boxes with strong corners, full outlines, or none
        keypoints: bool = True  #: draw key points and skeletons
        opacity: Ratio = 0.4  #: how strongly masks cover the picture; zones a third as strong
        hide: tuple[str, ...] = ()  #: names of classes that are not drawn
        thickness: Literal["auto"] | Positive = "auto"  #: stroke of boxes in pixels
        font_size: Literal["auto"] | Positive = "auto"  #: height of the text in pixels
        font: InputFile | None = None  #: a font file (.ttf, .otf) to use first

        def __post_init__(self) -> None:
            """Raise ParamError where the label is no template."""
            if self.labels not in ("auto", "off"):
                try:
                    Template.read(self.labels)
                except ParamError as error:
                    raise ParamError(error.what, path=("labels",), fix=error.fix) from None

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Get ready; fonts are loaded with the first frame, whose size decides on theirs."""
        own = None if self.params.labels in ("auto", "off") else self.params.labels
        self._followed = Template.read(own or FOLLOWED)
        self._found = Template.read(own or FOUND)
        hold = self.params.hold
        self._objects: Held[Detections] = Held(hold, lambda d: (type(d), frozenset(d.names.items())))
        self._texts: Held[Texts] = Held(hold, lambda texts: "texts")
        self._masks: Held[Masks] = Held(hold, lambda masks: frozenset(masks.names.items()))
        self._shown: Held[Labels] = Held(hold, lambda labels: "labels")
        self._trails = Trails(self.params.trail)
        self._recent = Recent()
        self._board = Board()
        self._look: Look | None = None
        self._reported: set[str] = set()

    def on_gap(self, gap: Gap) -> None:
        """What was seen before the gap is no longer there; running numbers stay."""
        memories = (self._objects, self._texts, self._masks, self._shown, self._trails, self._recent)
        for memory in memories:
            memory.clear()

    def process(
        self,
        image: Image,
        frame: FrameInfo,
        objects: tuple[Detections, ...] = (),
        texts: tuple[Texts, ...] = (),
        counts: tuple[Counts, ...] = (),
        masks: tuple[Masks, ...] = (),
        events: tuple[Events, ...] = (),
        labels: tuple[Labels, ...] = (),
    ) -> Canvas:
        """The picture with everything on it."""
        look, pts = self._look_for(image), frame.pts
        pixels = _copied(image.pixels)
        floor = look.floor()
        self._recent.update((e for batch in events for e in batch), pts)
        self._board.take(counts, image)
        self._lengthen_trails(objects, pts, _TRAIL_STEP * look.thickness * image.scale_to_source())
        held = self._objects.update(objects, pts)
        groups = [Group.of(found.value, image, self.params.hide, self.params.hold) for found in held]
        areas = self._draw_masks(pixels, image, masks, pts)
        self._board.draw(pixels, _ZONE_SHARE * self.params.opacity, look.thickness, self._recent, pts)
        cards = self._place_cards(frame, sum(map(len, groups)), areas, look, floor)
        cards += self._place_labels(labels, pts, look, floor)
        for group in groups:
            group.draw_masks(pixels, image, self.params.opacity)
        for group in groups:
            track_ids = group.detections.track_ids.tolist()
            self._trails.draw(pixels, image, track_ids, group.colours, look.thickness)
            group.draw(pixels, image, self.params.boxes, look.thickness)
            if self.params.keypoints:
                group.draw_keypoints(pixels, image, look.thickness)
        self._board.draw_names(pixels, look.pills, floor, look.gap)
        pills = [*self._labels(groups), *self._draw_texts(pixels, image, texts, pts, look.thickness)]
        draw_labels(pixels, pills, look.pills, floor, look.gap)
        for patch, x, y in cards:
            patch.over(pixels, x, y)
        self._report_letters(look)
        return Canvas(pixels, image.matrix)

    def _look_for(self, image: Image) -> Look:
        """The look for this size of picture; made anew only where the size changes."""
        if self._look is None or (self._look.width, self._look.height) != (image.width, image.height):
            own = self.params
            stroke = None if own.thickness == "auto" else own.thickness
            text = None if own.font_size == "auto" else own.font_size
            self._look = Look.of(image.width, image.height, stroke, text, own.font)
        return self._look

    def _lengthen_trails(self, objects: Iterable[Detections], pts: float, step: float) -> None:
        for tracks in objects:
            if isinstance(tracks, Tracks) and self.params.trail > 0:
                self._trails.add(tracks.track_ids.tolist(), feet(tracks.boxes), pts, step)

    def _draw_masks(self, pixels: Pixels, image: Image, masks: Iterable[Masks], pts: float) -> list[str]:
        """Label maps; gives the names of their areas."""
        names: list[str] = []
        for held in self._masks.update(masks, pts):
            names += tint_labels(pixels, image, held.value, self.params.opacity)
        return names

    def _labels(self, groups: Iterable[Group]) -> Iterable[Label]:
        if self.params.labels != "off":
            for group in groups:
                yield from group.labels(self._followed, self._found)

    def _draw_texts(
        self, pixels: Pixels, image: Image, texts: Iterable[Texts], pts: float, thickness: int
    ) -> Iterable[Label]:
        """Outlines of texts; gives what they say as labels."""
        colour = name_colour("text")
        for held in self._texts.update(texts, pts):
            corners = on_picture(image, held.value.polygons.reshape(-1, 2)).reshape(-1, 4, 2)
            outlines = np.rint(corners).astype(np.int32)
            cv2.polylines(pixels, list(outlines), True, colour, max(1, thickness // 2), cv2.LINE_AA)
            for outline, words in zip(outlines, held.value.strings, strict=True):
                (x1, y1), (x2, y2) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
                if words.strip():
                    yield Label((x1, y1, x2, y2), words, colour)

    def _place_cards(
        self, frame: FrameInfo, objects: int, areas: list[str], look: Look, floor: Floor
    ) -> list[tuple[Patch, int, int]]:
        """Counters top left, head-up line top right, banners between, a legend bottom left.

        Labels keep clear of them.
        """
        margin, placed = 2 * look.gap, []
        if self._board.values:
            room = (6 * look.width // 10, 7 * look.height // 10)
            placed.append((look.cards.panel(panel_rows(self._board.values), *room), margin, margin))
        if self.params.hud:
            line = self._head_up(frame, objects, look)
            placed.append((line, look.width - line.width - margin, margin))
        if areas:
            legend = look.cards.legend(tuple(areas[:_LEGEND]))
            placed.append((legend, margin, look.height - legend.height - margin))
        y = margin
        for event, strength in self._recent.banners(self._board.names, frame.pts):
            patch = look.cards.line(event_parts(event), name_colour(event.name or event.kind))
            placed.append((patch.faded(strength), (look.width - patch.width) // 2, y))
            y += patch.height + look.gap
        for patch, x, y in placed:
            floor.take(x, y, patch.width, patch.height)
        return placed

    def _place_labels(
        self, labels: Iterable[Labels], pts: float, look: Look, floor: Floor
    ) -> list[tuple[Patch, int, int]]:
        """What the whole picture shows, bottom right."""
        placed, bottom = [], look.height - 2 * look.gap
        for held in self._shown.update(labels, pts):
            if rows := label_rows(held.value):
                patch = look.cards.ranking(rows[:_LEGEND], look.width // 3)
                x, bottom = look.width - patch.width - 2 * look.gap, bottom - patch.height
                placed.append((patch, x, bottom))
                floor.take(x, bottom, patch.width, patch.height)
                bottom -= look.gap
        return placed

    def _head_up(self, frame: FrameInfo, objects: int, look: Look) -> Patch:
        """Source, time and number of objects; on a narrow picture only the time."""
        time = (clock(frame.pts), DIM)
        noun = "object" if objects == 1 else "objects"
        line = look.cards.line(((frame.source, WHITE), time, (f"{objects} {noun}", DIM)))
        return line if 2 * line.width <= look.width else look.cards.line((time,))

    def _report_letters(self, look: Look) -> None:
        """Name, once, the letters that no font on this machine can show."""
        unseen = look.face.missing - self._reported
        if unseen:
            self._reported |= unseen
            letters = " ".join(sorted(unseen)[:12])
            self.notify("font-missing", f"no font here has {letters}; name one with 'font:' that does")


def _copied(pixels: Pixels) -> Pixels:
    """A colour copy to draw on."""
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    return pixels.copy()

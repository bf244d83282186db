"""Backgrounds: blurred, replaced, taken away."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np

from vidstream.errors import ParamError, StageError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.effect.alpha import Alpha, along_edges, grid, of_masks, of_objects
from vidstream.stages.unknown import report_unknown
from vidstream.types import Detections, FrameInfo, Gap, Masks, Pixels, StreamInfo, View
from vidstream.types.values import Colour, InputFile, Range, Ratio, Seconds

#: of the screens that are replaced behind newsreaders
_GREEN = Colour(0, 177, 64)


@stage("effect.background", heavy=True)
class EffectBackground(Stage):
    """Blur, replace or take away what is behind people and things; their edges stay soft and sharp.

    What is in front is told by the nearest stage before it: the alpha of segment.matte, the classes `keep`
    of segment.semantic, or the masks of objects (YOLO-seg, Mask R-CNN) of these classes. Edges are moved
    onto those of the picture within `feather`.

    Example::

        graph:
          me: {use: segment.matte, model: selfie}
          back: {use: effect.background, mode: blur, strength: 0.04, smooth: 150ms}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """What becomes of the background."""

        mode: Literal["blur", "colour", "picture", "remove"] = "blur"  #: remove: black
        #: blur: its radius, as a share of the picture's shorter side
        strength: Annotated[float, Range(0.0, 0.5, open_low=True)] = 0.03
        colour: Colour = _GREEN  #: colour: this one
        picture: InputFile | None = None  #: picture: this file, made to cover the frame
        keep: tuple[str, ...] = ()  #: classes in front (empty: all but the background)
        feather: Ratio = 0.02  #: how far edges may move, as a share of the picture's shorter side
        smooth: Seconds = 0.0  #: average edges over so long, against flicker; what moves fast leaves a trace

        def __post_init__(self) -> None:
            if (self.mode == "picture") != (self.picture is not None):
                what = "needs a picture" if self.mode == "picture" else "is only used with mode: picture"
                raise ParamError(what, path=("picture",), fix="give both: mode: picture, picture: beach.jpg")

    params: Params

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Something must tell what is in front."""
        if not {"masks", "objects"} & set(wired):
            yield ParamError(
                "does not know what is in front",
                fix="put segment.matte, segment.semantic or a detector with masks before it",
            )

    def open(self, stream: StreamInfo) -> None:
        """Read the picture, where there is one."""
        self._backdrop = None if self.params.picture is None else _read(self.params.picture)
        self._before: tuple[float, Alpha] | None = None
        self._by_masks = False
        self._reported = not self.params.keep

    def on_gap(self, gap: Gap) -> None:
        """Edges from before say nothing of what comes."""
        self._before = None

    def process(
        self, image: View, frame: FrameInfo, masks: Masks | None = None, objects: Detections | None = None
    ) -> View:
        """The picture with its new background."""
        size = grid(image)
        self._by_masks = self._by_masks or masks is not None
        if masks is not None:
            alpha = self._smoothed(of_masks(masks, self._wanted(masks), image, size), frame.pts)
        elif objects is not None and not self._by_masks:
            alpha = self._smoothed(of_objects(self._chosen(objects), image, size), frame.pts)
        elif self._before is not None:  # those before it skip frames
            alpha = self._before[1]
        else:
            return image
        radius = round(self.params.feather * min(size))
        return image.derive(_laid_over(image, along_edges(alpha, image, radius), self._behind(image, alpha)))

    def _wanted(self, masks: Masks) -> list[int] | None:
        """The labels in front; None for all."""
        if not self.params.keep:
            return None
        self._report(masks)
        return [label for label, name in masks.names.items() if name in self.params.keep]

    def _chosen(self, objects: Detections) -> Detections:
        if objects and objects.masks is None:
            what = "the objects before it have no masks"
            raise StageError(what, where=self.stage_id, fix="take a network with masks, such as yolo11n-seg")
        if not self.params.keep:
            return objects
        self._report(objects)
        return objects[[objects.name_of(row) in self.params.keep for row in range(len(objects))]]

    def _report(self, found: Masks | Detections) -> None:
        """Name, once, classes that nothing here finds."""
        if not self._reported and found.names:
            self._reported = True
            report_unknown(self.params.keep, found, self.notify)

    def _smoothed(self, alpha: Alpha, pts: float) -> Alpha:
        """Averaged with what was before."""
        if self._before is not None and self.params.smooth and self._before[1].shape == alpha.shape:
            then, old = self._before
            part = np.float32(1 - np.exp((then - pts) / self.params.smooth))
            alpha = old + part * (alpha - old)
        self._before = (pts, alpha)
        return alpha

    def _behind(self, image: View, alpha: Alpha) -> Pixels:
        """The new background, of the picture's size."""
        if self.params.mode == "blur":
            return _blurred(image, alpha, self.params.strength)
        if self._backdrop is not None:
            return _covering(self._backdrop, image.width, image.height)
        colour = self.params.colour.bgr if self.params.mode == "colour" else (0, 0, 0)
        return np.full((image.height, image.width, 3), colour, np.uint8)


def _laid_over(image: View, alpha: Alpha, behind: Pixels) -> Pixels:
    """alpha of the picture, the rest of what is behind."""
    return np.asarray(cv2.blendLinear(image.bgr(), behind, alpha, 1 - alpha), np.uint8)


def _blurred(image: View, alpha: Alpha, strength: float) -> Pixels:
    """The background alone, softened: what is in front has no part in it, so that it casts no glow.

    At the grid's resolution, which a blur does not show (normalised convolution, Knutsson and Westin 1993).
    """
    size = (alpha.shape[1], alpha.shape[0])
    small = cv2.resize(image.bgr(), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    share = np.clip(1 - alpha, 1e-3, 1)
    sigma = max(strength * min(size), 0.3)
    soft = cv2.GaussianBlur(small * share[:, :, None], (0, 0), sigma)
    even = soft / np.asarray(cv2.GaussianBlur(share, (0, 0), sigma))[:, :, None]
    full = cv2.resize(np.clip(even, 0, 255).astype(np.uint8), (image.width, image.height))
    return np.asarray(full, np.uint8)


def _covering(picture: Pixels, width: int, height: int) -> Pixels:
    """A picture that covers this size, its middle kept."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(picture, size, interpolation=method)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(resized[top : top + height, left : left + width], np.uint8)


def _read(path: InputFile) -> Pixels:
    """The backdrop. StageError where it is no picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise StageError(
            "is no picture that can be read", where=f"picture '{path}'", fix="give a JPEG or PNG"
        )
    return np.asarray(picture, np.uint8)

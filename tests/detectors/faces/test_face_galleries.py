"""Galleries: what goes in comes out, bound to its model, safe on disk; and whose face it is."""

from __future__ import annotations

import sqlite3
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.faces.calibrate import pairs, roc, summary
from detectors.faces.classic import SIDE, ClassicScore
from detectors.faces.embed import EmbedParams, find_embedder, unit_rows
from detectors.faces.enrol import Enroller, Examiner, Quality
from detectors.faces.gallery import Gallery, Identity
from detectors.faces.match import UNKNOWN, Matcher
from vidstream.errors import ModelError, UsageError
from vidstream.types import View

SFACE = Identity("sface", "a" * 64)
AXES = np.eye(3, dtype=np.float32)


@pytest.fixture
def gallery(tmp_path):
    with Gallery.create(tmp_path / "team.faces", SFACE) as gallery:
        gallery.add("Ada", AXES[0], crop=np.full((4, 4, 3), 7, np.uint8), origin="ada.jpg")
        gallery.add("Bo Å", AXES[1])
        gallery.add("Ada", unit_rows(AXES[:1] + 0.2 * AXES[2])[0])
        yield gallery


def test_what_goes_in_comes_out_of_the_file(gallery):
    with Gallery(gallery.path, identity=SFACE) as again:
        names, rows = again.rows()
        assert names == ["Ada", "Bo Å", "Ada"]
        assert rows[:2].tolist() == AXES[:2].tolist()
        assert [(p.name, p.faces) for p in again.people] == [("Ada", 2), ("Bo Å", 1)]
        assert again.identity == SFACE


def test_the_file_is_for_its_owner_and_for_other_programs_too(gallery):
    assert stat.S_IMODE(gallery.path.stat().st_mode) == 0o600
    assert not gallery.others_may_read
    gallery.path.chmod(0o644)
    assert gallery.others_may_read
    with sqlite3.connect(gallery.path) as db:
        assert db.execute("select name from people order by name").fetchall() == [("Ada",), ("Bo Å",)]


def test_who_is_removed_is_gone_from_the_bytes(gallery):
    assert gallery.remove("Bo Å") == 1
    data = gallery.path.read_bytes()
    assert "Bo Å".encode() not in data
    assert AXES[1].tobytes() not in data
    assert gallery.rows()[0] == ["Ada", "Ada"]
    with pytest.raises(UsageError, match="nobody is called 'Cy'"):
        gallery.remove("Cy")


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        pytest.param(Identity("arcface", "b" * 64), "with the model 'sface', not with 'arcface'", id="other"),
        pytest.param(Identity("sface", "b" * 64), "not with another file of that name", id="other file"),
    ],
)
def test_another_model_is_refused(gallery, identity, message):
    with pytest.raises(ModelError, match=message):
        Gallery(gallery.path, identity=identity)


def test_what_is_no_gallery_is_refused(tmp_path, gallery):
    with pytest.raises(ModelError, match="no such file; make one: python run.py faces enrol"):
        Gallery(tmp_path / "none.faces")
    (tmp_path / "text").write_text("hello, this is not a database at all " * 50)
    sqlite3.connect(tmp_path / "other").execute("create table a (b)").connection.close()
    for name in ("text", "other"):
        with pytest.raises(ModelError, match="is not a gallery of faces"):
            Gallery(tmp_path / name)
    with sqlite3.connect(gallery.path) as db:
        db.execute("pragma user_version = 9")
    with pytest.raises(ModelError, match="is of version 9, this program reads 1"):
        Gallery(gallery.path)
    with pytest.raises(UsageError, match="exists already"):
        Gallery.create(gallery.path, SFACE)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_name_is_words(gallery, name):
    with pytest.raises(UsageError, match="is no name"):
        gallery.add(name, AXES[0])


def test_vectors_are_of_one_length(gallery):
    with pytest.raises(ModelError, match="holds vectors of 3 numbers, not 2"):
        gallery.add("Cy", np.ones(2, np.float32))
    assert [person.name for person in gallery.people] == ["Ada", "Bo Å"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("update faces set feature = x'00000000' where id = 1", "several lengths", id="lengths"),
        pytest.param("update faces set feature = 'text' where id = 1", "several lengths", id="no vector"),
        pytest.param("update faces set feature = zeroblob(9)", "several lengths", id="no whole numbers"),
        pytest.param("update faces set feature = x'0000c07f0000c07f0000c07f'", "are no numbers", id="NaN"),
        pytest.param("insert into meta values ('calibration', '[1')", "that is none", id="calibration"),
        pytest.param("drop table faces", "no such table: faces", id="a table gone"),
    ],
)
def test_a_gallery_that_was_tampered_with_is_refused(gallery, change, message):
    with sqlite3.connect(gallery.path) as db:
        db.execute(change)
    with pytest.raises(ModelError, match=f"cannot be used: .*{message}"):
        Matcher(gallery)


def test_a_cut_file_is_refused(gallery):
    gallery.close()
    data = gallery.path.read_bytes()
    gallery.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="cannot be used|is not a gallery"), Gallery(gallery.path) as again:
        Matcher(again)


def test_vectors_of_another_model_are_refused(gallery):
    with pytest.raises(ModelError, match="vectors of 2 numbers, the gallery holds such of 3"):
        Matcher(gallery).similarities(np.ones((1, 2), np.float32))


@pytest.mark.parametrize(
    ("probe", "name", "similarity"),
    [
        pytest.param([1, 0, 0], "Ada", 1.0, id="a face enrolled"),
        pytest.param([0.6, 0.8, 0], "Bo Å", 0.8, id="between two: the nearer one"),
        pytest.param([0, 0, 1], UNKNOWN, 0.196, id="like nobody enough"),
        pytest.param([-1, 0, 0], UNKNOWN, 0.0, id="like nobody at all"),
    ],
)
def test_a_face_is_named_or_unknown(gallery, probe, name, similarity):
    matcher = Matcher(gallery)
    probes = np.array([probe], np.float32)
    match = matcher.name(matcher.similarities(probes)[0])
    assert match.name == name
    assert match.similarity == pytest.approx(similarity, abs=0.001)
    first, second = matcher.rank(probes, 2)[0]
    assert first.similarity == match.similarity
    assert {first.name, second.name} == {"Ada", "Bo Å"}


def test_a_threshold_of_one_s_own_and_a_calibrated_one(gallery):
    probes = np.array([[0.6, 0.8, 0]], np.float32)
    assert Matcher(gallery, 0.9).name(Matcher(gallery).similarities(probes)[0]).name == UNKNOWN
    gallery.keep_calibration({"threshold": 0.95})
    assert Matcher(gallery).threshold == 0.95
    assert gallery.calibration == {"threshold": 0.95}


def test_an_empty_gallery_knows_nobody(tmp_path):
    with Gallery.create(tmp_path / "empty.faces", SFACE) as gallery:
        matcher = Matcher(gallery)
    assert matcher.name(matcher.similarities(AXES)[0]) == (UNKNOWN, 0.0)


def test_a_curve_worked_out_by_hand():
    """Three pairs of one person, four of two: as a table of counts gives it."""
    similarities = np.array([0.9, 0.8, 0.4, 0.6, 0.5, 0.3, 0.1])
    same = np.array([True, True, True, False, False, False, False])
    curve = roc(similarities, same)
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.1]
    assert curve.true_accepts.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert curve.false_accepts.tolist() == [0, 0, 0.25, 0.5, 0.5, 0.75, 1]
    # refused 1/3, accepted 1/4, then 1/2: they meet in between
    assert curve.equal_error() == pytest.approx(1 / 3)
    assert curve.area() == pytest.approx(10 / 12)  # pairs of pairs in the right order
    threshold, accepted = curve.at(0.0)
    assert (threshold, accepted) == (pytest.approx(0.7), pytest.approx(2 / 3))
    assert summary(curve, 0.0)["genuine"] == 3


@given(
    arrays.arrays(np.float64, 40, elements=st.floats(-1, 1, width=16)),
    arrays.arrays(bool, 40, elements=st.booleans()),
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(similarities, same):
    if same.all() or not same.any():
        return
    curve = roc(similarities, same)
    ahead = similarities[same][:, None] - similarities[~same][None]
    assert curve.area() == pytest.approx(((ahead > 0) + 0.5 * (ahead == 0)).mean())
    assert (np.diff(curve.false_accepts) >= 0).all()
    assert 0 <= curve.equal_error() <= 1
    threshold, accepted = curve.at(0.1)
    assert (similarities[~same] >= threshold).mean() <= 0.1
    assert (similarities[same] >= threshold).mean() == pytest.approx(accepted)


def test_nothing_to_calibrate_on():
    with pytest.raises(UsageError, match="0 pairs of one person and 1 of two"):
        roc(*pairs("sface", ["a", "b"], AXES[:2]))


@pytest.mark.parametrize("method", ["lbph", "eigen", "fisher"])
def test_classic_methods_know_faces_again(weights, portraits, tmp_path, method):
    """Enrolled: two men, each also shifted; asked for: another picture of one of them."""
    embedder = find_embedder(EmbedParams(model=method), models=weights)
    with Gallery.create(tmp_path / "g.faces", embedder.identity) as gallery:
        for name in ("obama", "biden"):
            view, face = portraits[name]
            for shift in (0, 2, 4):
                moved = View(np.ascontiguousarray(np.roll(view.pixels, shift, axis=1)))
                gallery.add(name, embedder.embed(moved, face)[0])
        matcher = Matcher(gallery)
    probe = embedder.embed(*portraits["obama2"])
    assert matcher.rank(probe)[0][0].name == "obama"
    assert matcher.people == ["biden", "obama"]


def test_classic_scores_are_in_the_order_of_the_faces():
    rng = np.random.default_rng(5)
    rows = unit_rows(rng.integers(1, 255, (6, SIDE * SIDE)).astype(np.float32))
    for method in ("lbph", "eigen", "fisher"):
        scores = ClassicScore(method, ["a", "a", "b", "b", "c", "c"], rows)(rows)
        assert scores.shape == (6, 6)
        assert np.diag(scores) == pytest.approx(1, abs=1e-3)


def test_fisher_says_what_it_needs():
    rows = unit_rows(np.random.default_rng(1).random((3, SIDE * SIDE)).astype(np.float32))
    with pytest.raises(ModelError, match="'fisher' cannot be trained on 3 faces of 3 people"):
        ClassicScore("fisher", ["a", "b", "c"], rows)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        pytest.param("obama.jpg", None, "", id="good enough"),
        pytest.param("dog.jpg", None, "no face", id="nobody there"),
        pytest.param("zidane.jpg", None, "2 faces: which of them is meant?", id="two men"),
        pytest.param("obama.jpg", "small", "too small: 20 pixels between the eyes, 24 wanted", id="far off"),
        pytest.param("obama.jpg", "blurred", "blurred: sharpness", id="out of focus"),
    ],
)
def test_only_good_faces_are_enrolled(picture, yunet, sface, zoom, name, change, reason):
    import cv2

    view = picture(name)
    if change == "small":
        view = View(zoom(view, 0.17).pixels)
    elif change == "blurred":
        view = View(np.asarray(cv2.GaussianBlur(view.pixels, (0, 0), 9), np.uint8))
    found = Examiner(yunet, sface).examine(view)
    assert (found if isinstance(found, str) else "").startswith(reason)
    assert isinstance(found, str) == bool(reason)


def test_a_face_turned_away_is_not_enrolled(picture, yunet, sface):
    view = picture("zidane.jpg")
    right = yunet.detect(view)
    right = right[right.boxes[:, 0] < 700]
    found = Examiner(yunet, sface, Quality(min_eyes=0)).judge(view, right)
    assert isinstance(found, str)
    assert found.startswith("looks aside")


def test_doubtful_faces_are_left_out(portraits, yunet, sface, tmp_path):
    examiner = Examiner(yunet, sface)
    found = {name: examiner.examine(view) for name, (view, _) in portraits.items()}
    with Gallery.create(tmp_path / "g.faces", SFACE) as gallery:
        enroller = Enroller(gallery, faces_each=2)
        assert enroller.add("obama", found["obama"], "a") == ""
        assert enroller.add("obama", found["obama"], "a") == "nearly equal to one that is there"
        assert enroller.add("biden", found["obama2"], "b").startswith("looks like obama (0.7")
        assert enroller.add("obama", found["obama2"], "b") == ""
        assert enroller.add("obama", found["biden"], "c") == "there are 2 faces of obama already"
        assert gallery.rows()[0] == ["obama", "obama"]

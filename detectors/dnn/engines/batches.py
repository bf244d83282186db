"""Several pictures in one run: whether a network takes them, and whose outputs are whose."""

from __future__ import annotations

import numpy as np

from detectors.catalogue import InputSpec
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.engines.opencv import quiet
from detectors.dnn.engines.trial import agree, sample
from vidstream.errors import ModelError

#: pictures per run on a graphics card; on a CPU four at once take four times as long as one
_LIMIT = 16


def batch_limit(engine: Engine, spec: InputSpec) -> int:
    """Most pictures that one run of this network gains from; 1 where it cannot or need not take more."""
    return _LIMIT if engine.device.startswith("cuda") and takes_batches(engine, spec) else 1


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

"""What a folder of results holds beside its chunks: the experiment and the sample, as plain data."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from sdtheory.documents.saving import put_bytes
from sdtheory.errors import ModelError, StoreError, shown
from sdtheory.experiments import metric, policy, structure, uncertainty
from sdtheory.experiments.experiment import Experiment
from sdtheory.experiments.store import DAMAGE
from sdtheory.model import expression
from sdtheory.translate.codec import Codec

EXPERIMENT, SAMPLES = "experiment.json", "samples.npz"


def _dataclasses_of(*modules: object) -> dict[str, type]:
    return {
        name: kind
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }


_CODEC = Codec(
    _dataclasses_of(expression, metric, policy, structure, uncertainty) | {"Experiment": Experiment}
)


def write_contents(folder: Path, experiment: Experiment, samples: pd.DataFrame) -> dict[str, str]:
    """Write both, and give the digest of each file by its name."""
    found = {}
    stream = io.BytesIO()
    columns = np.array([str(name) for name in samples.columns], dtype=str)
    np.savez(stream, columns=columns, values=samples.to_numpy(dtype=float))
    for name, data in ((EXPERIMENT, _CODEC.encode(experiment).encode()), (SAMPLES, stream.getvalue())):
        put_bytes(folder / name, data)
        found[name] = hashlib.sha256(data).hexdigest()
    return found


def read_contents(folder: Path, digests: Mapping[str, str]) -> tuple[Experiment, pd.DataFrame]:
    """The experiment and the sample of a folder.

    Raises
    ------
    StoreError
        When one is missing, damaged, or of another version of the package.
    """
    data = {}
    for name in (EXPERIMENT, SAMPLES):
        try:
            data[name] = (folder / name).read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StoreError(f"cannot read '{shown(str(folder / name))}': {reason}") from None
        if hashlib.sha256(data[name]).hexdigest() != digests.get(name):
            raise StoreError(f"'{shown(str(folder / name))}' is damaged", remedy="run the sweep again")
    try:
        experiment = _CODEC.decode(data[EXPERIMENT].decode())
        with np.load(io.BytesIO(data[SAMPLES]), allow_pickle=False) as arrays:
            samples = pd.DataFrame(arrays["values"], columns=[str(name) for name in arrays["columns"]])
    except (ModelError, *DAMAGE):
        raise StoreError(
            f"the results in '{shown(str(folder))}' were written by another version of the package",
            remedy="read them with that one, or run the sweep again",
        ) from None
    if not isinstance(experiment, Experiment):
        raise StoreError(f"'{shown(str(folder / EXPERIMENT))}' holds no experiment")
    return experiment, samples

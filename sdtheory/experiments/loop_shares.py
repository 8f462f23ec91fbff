"""The loops of a comparison: scored in some of its futures, once they are asked for, and kept in its folder."""

from __future__ import annotations

import hashlib
import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdtheory.documents.saving import put_bytes
from sdtheory.errors import UsageError, shown
from sdtheory.experiments.loop_comparison import LoopComparison, loops_in
from sdtheory.experiments.statistics import RESAMPLES, bootstrap_intervals
from sdtheory.experiments.store import DAMAGE
from sdtheory.names import canonical

if TYPE_CHECKING:
    from sdtheory.experiments.comparison import Comparison

FUTURES = 64  # scores take every variable at every step: some futures must do
ORDERED = ("grid", "file")  # samples of which the first futures are not like the rest
_FILE = re.compile(r"loops\.(?P<digest>[0-9a-f]{16})\.npz")
_BY_RUN, _BY_TIME = ("policy", "run", "loop"), ("policy", "loop", "time")
_DIMENSIONS = {"share": _BY_RUN, "dominant": _BY_TIME, "score": _BY_TIME}


def loops_of(comparison: Comparison) -> LoopComparison:
    """The shares of loops in some of a comparison's futures: those of its folder, or scored now and kept there.

    Raises
    ------
    UsageError
        When the folder holds none and there is no model to score.
    ModelError
        When there are too many loops to find all, or the model needs the reference engine.
    """
    samples = _some(comparison)
    kept = None if comparison.folder is None else read_loops(comparison.folder)
    if kept is not None:
        known = samples.index.intersection(kept.dataset["run"].to_index())
        if len(known) and (comparison.model is None or len(known) == len(samples)):
            return LoopComparison(kept.dataset.sel(run=known), kept.window, kept.seed)
    if comparison.model is None:
        where = "the comparison" if comparison.folder is None else f"'{shown(str(comparison.folder))}'"
        raise UsageError(
            f"{where} holds no scores of loops", remedy="compare again, with the model, and save"
        )
    found = loops_in(comparison.model, comparison.experiment, samples, comparison.seed)
    if comparison.folder is not None:
        with suppress(OSError):  # they can be had again, and a folder may be for reading only
            _write(comparison.folder, found)
    return found


def _some(comparison: Comparison) -> pd.DataFrame:
    """The futures that loops are scored in: the first of a sample, or any of one that has an order."""
    samples = comparison.samples
    if len(samples) <= FUTURES or comparison.experiment.method not in ORDERED:
        return samples.iloc[:FUTURES]
    chosen = np.random.default_rng(comparison.seed).choice(len(samples), FUTURES, replace=False)
    return samples.iloc[np.sort(chosen)]


def loop_difference_rows(comparison: Comparison, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """For each pair of policies and named loop: the paired difference of its mean share, with an interval.

    All loops are taken when the experiment names none.
    """
    found = comparison.loops
    places = comparison.samples.index.get_indexer(found.dataset["run"].to_index())
    rows: list[dict[str, Any]] = []
    columns = []
    for policy, base in pairs:
        both = (comparison.ok(policy) & comparison.ok(base))[places]
        for loop, name in named(comparison, found):
            difference = np.where(both, found.paired(policy, loop, base), np.nan)
            valid = difference[np.isfinite(difference)]
            low, high = np.quantile(valid, [0.05, 0.95]) if len(valid) else (np.nan, np.nan)
            rows.append(
                {
                    "policy": policy, "against": base, "loop": loop, "name": name,
                    "mean_difference": valid.mean() if len(valid) else np.nan, "p05": low, "p95": high,
                    "valid": len(valid), "missing": len(difference) - len(valid),
                }
            )  # fmt: skip
            columns.append(difference)
    if not rows:
        return pd.DataFrame(columns=["policy", "against", "loop", "name", "mean_difference", "low", "high"])
    frame = pd.DataFrame(rows)
    low, high = bootstrap_intervals(np.stack(columns, axis=1), comparison.seed)
    frame.insert(5, "low", low)
    frame.insert(6, "high", high)
    return frame


def named(comparison: Comparison, found: LoopComparison) -> list[tuple[str, str]]:
    """Id and name of the loops that the experiment names, or of all when it names none."""
    names = {canonical(str(one["name"])) for one in comparison.experiment.loops}
    return [(loop, name) for loop, name in found.loops() if canonical(name) in names or not names]


def about(comparison: Comparison, found: LoopComparison) -> str:
    """In which futures loops were scored, and what the intervals are."""
    begin, end = found.window
    return (
        f"mean share of the change from time {begin:g} to {end:g}, in {found.dataset.sizes['run']} of the "
        f"{comparison.runs:,} futures; 95 % percentile bootstrap of whole futures, {RESAMPLES:,} resamples, "
        f"seed {comparison.seed}"
    )


def read_loops(folder: Path) -> LoopComparison | None:
    """The scores of loops that a folder holds; None when there are none that are whole."""
    for path in sorted(folder.glob("loops.*.npz")):
        match = _FILE.fullmatch(path.name)
        with suppress(*DAMAGE):
            data = path.read_bytes()
            if match and hashlib.sha256(data).hexdigest()[:16] == match["digest"]:
                return unpacked(data)
    return None


def _write(folder: Path, found: LoopComparison) -> None:
    data = packed(found)
    own = folder / f"loops.{hashlib.sha256(data).hexdigest()[:16]}.npz"
    put_bytes(own, data)
    for path in folder.glob("loops.*.npz"):
        if path != own:
            path.unlink()  # of fewer futures


def packed(found: LoopComparison) -> bytes:
    """Scores of loops as bytes; equal ones have equal bytes."""
    data = found.dataset
    texts = {
        word: data[word].values.astype(str).tolist() for word in ("loop", "name", "polarity", "variables")
    }
    about = {
        **texts,
        "partition": data["partition"].values.tolist(),
        "policy": list(found.policies),
        "status": data["status"].values.astype(str).tolist(),
        "message": data["message"].values.astype(str).tolist(),
        "window": found.window,
        "seed": found.seed,
    }
    arrays = {name: data[name].transpose(*order).values for name, order in _DIMENSIONS.items()}
    arrays |= {"run": data["run"].values, "time": data["time"].values}
    stream = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez_compressed(stream, about=text, **arrays)
    return stream.getvalue()


def unpacked(data: bytes) -> LoopComparison:
    """The scores of those bytes."""
    import xarray as xr

    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        values = {name: (order, arrays[name]) for name, order in _DIMENSIONS.items()}
        texts = {
            word: (("policy", "run"), np.array(about[word], dtype=object)) for word in ("status", "message")
        }
        coords = {word: ("loop", about[word]) for word in ("name", "polarity", "partition", "variables")}
        dataset = xr.Dataset(
            {**values, **texts},
            coords={
                "policy": about["policy"], "run": arrays["run"], "loop": about["loop"], "time": arrays["time"],
                **coords,
            },
        )  # fmt: skip
    begin, end = about["window"]
    return LoopComparison(dataset, (begin, end), about["seed"])

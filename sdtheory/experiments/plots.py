"""Plots of a comparison, each with the numbers that it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdtheory.errors import UsageError
from sdtheory.experiments import tables
from sdtheory.names import canonical, unknown

if TYPE_CHECKING:
    from sdtheory.experiments.comparison import Comparison

BANDS, WORDS = (0.05, 0.25, 0.5, 0.75, 0.95), ("p05", "p25", "median", "p75", "p95")
MOST_ACROSS = 6  # metrics side by side in a heatmap
KINDS = ("fan", "difference", "regret", "heatmap", "scatter", "loops")


@dataclass(frozen=True)
class Asked:
    """What a plot is to show; what is left out is chosen.

    Parameters
    ----------
    metric, policy, variable, assumption : str
        A metric; a policy (all when left out); a saved variable (the first that a metric reads); a sampled
        quantity (the one that goes along most with the difference).
    axis : matplotlib axis, optional
    """

    metric: str = ""
    policy: str = ""
    variable: str = ""
    assumption: str = ""
    axis: Any = None


def plot(comparison: Comparison, kind: str, asked: Asked) -> tuple[Any, pd.DataFrame]:
    """A figure and the numbers that it shows.

    Raises
    ------
    UnknownName
        For a kind, metric, policy, variable or quantity that does not exist.
    UsageError
        When there is nothing to show.
    """
    drawers: dict[str, Callable[[Comparison, Asked], tuple[Any, pd.DataFrame]]] = {
        "fan": _fan, "difference": _difference, "regret": _regret, "heatmap": _heatmap, "scatter": _scatter,
        "loops": _loops,
    }  # fmt: skip
    if kind not in drawers:
        raise unknown("kind of plot", kind, KINDS)
    return drawers[kind](comparison, asked)


def _caption(comparison: Comparison, shown: int | None = None) -> str:
    """Counts and what is missing, for under a plot."""
    counts = comparison.counts()
    bad = [f"{counts[status]} {status}" for status in tables.NOT_OK if counts[status]]
    first = f"{comparison.runs:,} futures, seed {comparison.seed}"
    if shown is not None and shown < comparison.runs:
        first += f"; the first {shown:,} are shown"
    return "; ".join([first, "the same for every policy", *bad])


def _series(comparison: Comparison, asked: Asked) -> tuple[str, np.ndarray, np.ndarray]:
    """The chosen variable, its times and its values (policies, kept runs, times) with NaN for bad runs."""
    series = comparison.series
    if series is None or not series.sizes.get("run"):
        raise UsageError("no series were kept", remedy="compare with series=N to keep those of N futures")
    names = [str(name) for name in series.data_vars]
    wanted = asked.variable or next(
        (name for metric in comparison.metrics for name in metric.variables()), names[0]
    )
    name = next((one for one in names if canonical(one) == canonical(wanted)), None)
    if name is None:
        raise unknown("saved variable", wanted, names)
    values = series[name].transpose("policy", "run", "time").to_numpy()
    ok = comparison.status[:, : values.shape[1]] == "ok"
    return name, series["time"].to_numpy(), np.where(ok[:, :, None], values, np.nan)


def _bands(values: np.ndarray) -> np.ndarray:
    """Quantiles of runs at each time, shape (5, times)."""
    some = values[np.isfinite(values).all(axis=1)]
    return np.quantile(some, BANDS, axis=0) if len(some) else np.full((len(BANDS), values.shape[1]), np.nan)


def _band_rows(bands: dict[str, np.ndarray], times: np.ndarray) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"policy": policy, "time": times, **dict(zip(WORDS, rows, strict=True))})
            for policy, rows in bands.items()
        ],
        ignore_index=True,
    )


def _units(comparison: Comparison, variable: str) -> tuple[str, str]:
    head = variable.split("[")[0]
    model = comparison.model
    if model is None:
        return "", "time"
    return model[head].units if head in model else "", model.settings.time_units or "time"


def _fan(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.comparison_plots import fan_figure

    name, times, values = _series(comparison, asked)
    policies = _policies(comparison, asked, with_base=True)
    bands = {policy: _bands(values[comparison.place(policy)]) for policy in policies}
    units, time_units = _units(comparison, name)
    figure = fan_figure(
        times, bands, units=units, time_units=time_units, title=name, axis=asked.axis,
        caption=_caption(comparison, values.shape[1]),
    )  # fmt: skip
    return figure, _band_rows(bands, times)


def _policies(comparison: Comparison, asked: Asked, with_base: bool) -> list[str]:
    if asked.policy:
        return [comparison.policies[comparison.place(asked.policy)]]
    base = _base(comparison)
    return [policy for policy in comparison.policies if with_base or policy != base]


def _base(comparison: Comparison) -> str:
    chosen = comparison.against
    return comparison.policies[comparison.place(chosen) if chosen and canonical(chosen) != "all" else 0]


def _difference(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.comparison_plots import fan_figure

    name, times, values = _series(comparison, asked)
    base = _base(comparison)
    policies = [policy for policy in _policies(comparison, asked, with_base=False) if policy != base]
    if not policies:
        raise UsageError("there is no policy to compare with the baseline")
    bands = {
        policy: _bands(values[comparison.place(policy)] - values[comparison.place(base)])
        for policy in policies
    }
    units, time_units = _units(comparison, name)
    figure = fan_figure(
        times, bands, units=units, time_units=time_units, zero=True, axis=asked.axis,
        title=f"{name}: paired difference to {base}", caption=_caption(comparison, values.shape[1]),
    )  # fmt: skip
    return figure, _band_rows(bands, times)


def _regret(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.comparison_plots import boxes_figure

    metrics = [comparison.metric(asked.metric)] if asked.metric else list(comparison.metrics)
    values: dict[str, dict[str, np.ndarray]] = {}
    rows = []
    for metric in metrics:
        regrets = comparison.regrets(metric.name)[:, comparison.common(metric)]
        if metric.better == "none" or not regrets.size:
            continue
        label = f"{metric.name}{' !' if metric.rewards_speed else ''} (n {regrets.shape[1]:,})"
        values[label] = dict(zip(comparison.policies, regrets, strict=True))
        for policy, own in values[label].items():
            points = dict(zip(WORDS, np.quantile(own, BANDS), strict=True))
            rows.append({"metric": metric.name, "policy": policy, "mean": own.mean(), **points})
    if not values:
        raise UsageError("no metric has a direction and a future in which all policies have a value")
    caption = f"{_caption(comparison)}; boxes 25 to 75 %, whiskers 5 to 95 %, diamonds means"
    return boxes_figure(values, title="Regret", caption=caption, axis=asked.axis), pd.DataFrame(rows)


def _heatmap(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.comparison_plots import heatmap_figure

    base = _base(comparison)
    rows = comparison.differences(base)
    rows = rows[rows["policy"].isin(_policies(comparison, asked, with_base=False))]
    if rows.empty:
        raise UsageError("there is no policy to compare with the baseline")
    policies = list(dict.fromkeys(rows["policy"]))
    metrics = [metric.name for metric in comparison.metrics]
    by_cell = {(row["policy"], row["metric"]): row for row in rows.to_dict("records")}
    cells = [[by_cell[policy, metric] for metric in metrics] for policy in policies]
    shares = np.array([[cell["probability_worse"] for cell in line] for line in cells], dtype=float)
    texts = [[_cell_text(cell, comparison.runs) for cell in line] for line in cells]
    marked = [f"{metric.name}{' !' if metric.rewards_speed else ''}" for metric in comparison.metrics]
    columns_by, rows_by = marked, policies
    if len(marked) > max(len(policies), MOST_ACROSS):  # what is as wide as that cannot be read on a page
        shares, texts = shares.T, [list(line) for line in zip(*texts, strict=True)]
        columns_by, rows_by = policies, marked
    figure = heatmap_figure(
        shares, texts, rows_by, columns_by, axis=asked.axis,
        title=f"Share of futures worse than {base}, and median change",
        caption=f"{_caption(comparison)}; ! can improve only because a level is reached sooner or later",
    )  # fmt: skip
    columns = [
        "policy",
        "metric",
        "probability_worse",
        "worse_low",
        "worse_high",
        "median_difference",
        "counted",
    ]
    return figure, rows[columns].reset_index(drop=True)


def _cell_text(cell: dict, runs: int) -> str:
    if not cell["valid"] and not cell["counted"]:
        return "no future"
    share = cell["probability_worse"]
    text = "no direction" if np.isnan(share) else f"{100 * share:.0f} %"
    if np.isfinite(cell["median_difference"]):
        text += f"\n{cell['median_difference']:+.3g}"
    return text if cell["valid"] == runs else f"{text} (n {cell['valid']})"


def _scatter(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.comparison_plots import scatter_figure

    metric = comparison.metric(asked.metric) if asked.metric else comparison.metrics[0]
    base = _base(comparison)
    others = [policy for policy in _policies(comparison, asked, with_base=False) if policy != base]
    if not others or comparison.samples.empty:
        raise UsageError("a scatter needs a policy beside the baseline and a sampled quantity")
    policy = others[0]
    difference, verdict = comparison.paired(policy, metric.name, base)
    valid = np.isfinite(difference)
    if asked.assumption:
        column = next(
            (str(c) for c in comparison.samples if canonical(str(c)) == canonical(asked.assumption)), None
        )
        if column is None:
            raise unknown("sampled quantity", asked.assumption, [str(c) for c in comparison.samples])
    else:
        column = _strongest(comparison.samples[valid], difference[valid])
    x = comparison.samples[column].to_numpy()[valid]
    figure = scatter_figure(
        x, difference[valid], verdict[valid], x_name=column, y_name=f"change of {metric.name}",
        title=f"{policy} against {base}", caption=_caption(comparison, int(valid.sum())), axis=asked.axis,
    )  # fmt: skip
    return figure, pd.DataFrame({column: x, "difference": difference[valid], "verdict": verdict[valid]})


def _strongest(samples: pd.DataFrame, difference: np.ndarray) -> str:
    """The sampled quantity whose ranks go along most with those of the difference."""
    ranks = samples.rank()
    with np.errstate(all="ignore"):
        found = ranks.corrwith(pd.Series(difference, index=samples.index).rank()).abs()
    return str(found.idxmax()) if found.notna().any() else str(samples.columns[0])


def _loops(comparison: Comparison, asked: Asked) -> tuple[Any, pd.DataFrame]:
    from sdtheory.diagrams.loop_plots import loop_shares_figure

    found = comparison.loops
    if not found.dataset.sizes["loop"]:
        raise UsageError("the model has no feedback loops")
    data, left = found.largest_partition()
    policies = _policies(comparison, asked, with_base=True)
    scores = data["score"].sel(policy=policies).transpose("policy", "loop", "time").to_numpy()
    names = [f"{loop} {name}" for loop, name in zip(data["loop"].values, data["name"].values, strict=True)]
    caption = [_caption(comparison), f"loops scored in {data.sizes['run']} of them"]
    if left:
        caption.append(f"left out: {left} loop{'s' if left > 1 else ''} on other variables")
    figure = loop_shares_figure(
        data["time"].to_numpy(), dict(zip(policies, scores, strict=True)), names, axis=asked.axis,
        time_units=_units(comparison, "")[1], title="How much of the change goes through each feedback loop",
        caption="; ".join(caption),
    )  # fmt: skip
    table = data["score"].sel(policy=policies).to_series().rename("score").reset_index()
    table.insert(2, "name", table["loop"].map(dict(found.loops())))
    return figure, table[["policy", "loop", "name", "time", "score"]]

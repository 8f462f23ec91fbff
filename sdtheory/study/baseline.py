"""Base runs, what was checked of every rung, and why the gap narrows before it widens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

import sdtheory as sd
from sdtheory.diagrams.plots import better_before_worse_figure
from sdtheory.errors import SDError
from sdtheory.study.drawing import base_runs_figure
from sdtheory.study.material import Material
from sdtheory.study.pieces import Piece
from sdtheory.study.verdicts import table_lines

SETTINGS = ((1.5, 0.2, 20.0), (3.0, 0.2, 20.0), (3.0, 0.2, 5.0), (5.0, 0.1, 10.0))
YEARS = 60.0
SHOWN = ("capability", "understanding gap", "safety gap")
EXTREMES = ({"theorist boost": -1.0}, {"experimenter boost": -1.0}, {"search leverage": 0.0})


def better_before_worse(model: Any, years: float = YEARS) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Change of the gap over time when theorists are boosted by half, in four settings.

    Parameters
    ----------
    model : Model
        The coarsest rung.
    years : float

    Returns
    -------
    times : array
    changes : mapping of "leverage, share, capability" to array
        Doublings.
    """
    changes, times = {}, np.empty(0)
    for leverage, share, capability in SETTINGS:
        setting = {
            "search leverage": leverage,
            "initial understood share": share,
            "initial capability": capability,
        }
        base, boosted = (
            sd.simulate(
                model, {**setting, "theorist boost": boost}, stop=years, outputs=["understanding gap"]
            )
            for boost in (0.0, 0.5)
        )
        times = base.index.to_numpy()
        changes[f"{leverage:g}, {share:g}, {capability:g}"] = (boosted - base)["understanding gap"].to_numpy()
    return times, changes


def turning(times: np.ndarray, change: np.ndarray) -> tuple[float, float]:
    """When a change is lowest, and when it crosses zero upwards after; NaN where it does not.

    Examples
    --------
    >>> turning(np.arange(4.0), np.array([0.0, -2.0, -1.0, 1.0]))
    (1.0, 2.5)
    """
    lowest = int(change.argmin())
    after = np.flatnonzero((change[:-1] < 0) & (change[1:] >= 0))
    after = after[after >= lowest]
    if not len(after):
        return float(times[lowest]), float("nan")
    place = after[0]
    share = change[place] / (change[place] - change[place + 1])
    return float(times[lowest]), float(times[place] + share * (times[place + 1] - times[place]))


def better_piece(material: Material) -> Piece:
    """The gap always narrows first."""
    rung = material.rungs[0]
    times, changes = better_before_worse(material.models[rung])
    figure = better_before_worse_figure(
        times, changes, f"More theorists from year 2 on, {rung}: better before worse"
    )
    lines = [
        "The gap always narrows first. Leverage, understood share and capability at the start, and what follows:",
        "",
    ]
    for name, change in changes.items():
        lowest, crossing = turning(times, change)
        then = f"wider after {crossing:.1f}" if np.isfinite(crossing) else f"no wider within {YEARS:g} years"
        lines.append(f"- {name}: narrowest at {lowest:.1f}, {then}.")
    table = pd.DataFrame({"time": times, **changes})
    stem = "01_better_before_worse"
    return Piece("Better before worse", lines, {stem: figure}, {stem: table})


def base_piece(material: Material) -> Piece:
    """Base runs of all rungs, and what was checked of each."""
    runs, tables = {}, []
    for rung, model in material.models.items():
        names = [name for name in SHOWN if name in model]
        pair = tuple(sd.simulate(model, {"theorist boost": boost}, outputs=names) for boost in (0.0, 0.5))
        runs[rung] = pair
        for policy, run in zip(("baseline", "theorists + 50 %"), pair, strict=True):
            tables.append(run.rename_axis("time").reset_index().assign(rung=rung, policy=policy))
    badges = checks(material)
    words = {
        row[
            "rung"
        ]: f"{row['unit_warnings']} unit warnings; starts at most {row['start_deviation']:.0e} from "
        f"{material.rungs[0]}; extreme conditions {'held' if row['extremes_hold'] else 'BROKEN'}; half the time "
        f"step moves no share by more than {100 * row['half_step']:.1f} points"
        for row in badges.to_dict("records")
    }
    figure = base_runs_figure(runs, SHOWN, words, "Base runs, and theorists + 50 % from year 2 on")
    table = pd.concat(tables, ignore_index=True)
    body = [
        [
            row["rung"], str(row["unit_warnings"]), f"{row['start_deviation']:.0e}",
            "yes" if row["extremes_hold"] else "NO", f"{100 * row['half_step']:.1f}", str(row["left_out"]),
        ]
        for row in badges.to_dict("records")
    ]  # fmt: skip
    columns = [
        "rung", "unit warnings", "start differs by", "extreme conditions", "half a step (points)", "runs not ok",
    ]  # fmt: skip
    return Piece(
        "What was checked", table_lines(columns, body), {"11_base_runs": figure},
        {"11_base_runs": table[["rung", "policy", "time", *SHOWN]], "11_checks": badges},
    )  # fmt: skip


def checks(material: Material) -> pd.DataFrame:
    """Units, matched start, extreme conditions and half the time step, for every rung.

    Returns
    -------
    pandas.DataFrame
        Columns rung, unit_warnings, start_deviation (largest relative one of the quantities that match; of the
        elasticity, which is taken by differences, a thousandth), extremes_hold, half_step (largest change of a
        share worse), left_out (runs that did not end well).
    """
    ladder = material.ladder
    matched = ladder.matches()
    scaled = matched["deviation"] * np.where(matched["relative"] > 1e-9, 1e-3, 1.0)
    deviation = scaled.groupby(matched["rung"]).max()
    moved = half_step(material)
    rows = []
    for rung, path in material.files.items():
        issues = sd.check(sd.read(path))
        status = ladder.comparisons[rung].status
        rows.append(
            {
                "rung": rung,
                "unit_warnings": sum(
                    issue.code.startswith("unit") for issue in issues if issue.severity != "note"
                ),
                "start_deviation": float(deviation[rung]),
                "extremes_hold": extremes_hold(material.models[rung]),
                "half_step": float(moved[rung]),
                "left_out": int((status != "ok").sum()),
            }
        )
    return pd.DataFrame(rows)


def half_step(material: Material) -> pd.Series:
    """The largest change of any share worse, by rung, when every rung is run with half the time step."""
    experiment = material.read.experiment
    step = experiment.simulation.get("time_step")
    if step is None:
        raise SDError(
            "the ladder's experiment has no time step to halve", remedy="give [simulation] time_step"
        )
    finer = replace(experiment, simulation={**experiment.simulation, "time_step": step / 2})
    found = material.compared(replace(material.read, experiment=finer, switches=()), material.runs)
    key = ["policy", "metric", "rung"]
    one, other = (ladder.verdicts().set_index(key)["worse"] for ladder in (material.ladder, found))
    return (one - other).abs().groupby("rung").max()


def extremes_hold(model: Any) -> bool:
    """Whether every variable stays finite, capability never falls and understanding stays within it, without
    theorists, without experimenters and without leverage."""
    for changes in EXTREMES:
        run = sd.simulate(model, changes)
        gap = run["understanding gap"]
        sound = np.isfinite(run.to_numpy()).all() and (gap >= -1e-9 * run["capability"]).all()
        if not (sound and (run["capability"].diff().dropna() >= 0).all()):
            return False
    return True

"""An experiment as the text of a TOML file that reads as the same experiment."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sdtheory.errors import ExperimentError, shown
from sdtheory.experiments.changes import Amount, Change, EquationChange, LookupChange, Pulse, Ramp, Step
from sdtheory.experiments.metric import Level, Metric
from sdtheory.experiments.policy import Policy
from sdtheory.experiments.policy_reader import STRUCTURE
from sdtheory.experiments.structure import Remove, StructureChange
from sdtheory.experiments.uncertainty import Uncertainty
from sdtheory.model.expression import Expression, Name, to_text

if TYPE_CHECKING:
    from sdtheory.experiments.experiment import Experiment

_WORDS = {kind: word for word, kind in STRUCTURE.items()}


def experiment_text(experiment: Experiment) -> str:
    """The TOML text of an experiment.

    Raises
    ------
    ExperimentError
        For a number that is not finite.
    """
    lines = [_entry(key, value) for key in ("title", "model") if (value := getattr(experiment, key))]
    blocks = ["\n".join(lines)] if lines else []
    blocks += _table("simulation", experiment.simulation)
    baseline = _policy("baseline", experiment.baseline)
    blocks += baseline if "\n" in baseline[0] or len(baseline) > 1 else []
    for policy in experiment.policies:
        blocks += _policy("policy", policy)
    uncertain = {one.name: _uncertainty(one) for one in experiment.uncertainties}
    blocks += _table("uncertainty", uncertain)
    blocks += _table("derived", {name: _formula(tree) for name, tree in experiment.derived.items()})
    if experiment.correlations:
        blocks += _table("correlation", {"pairs": [list(pair) for pair in experiment.correlations]})
    blocks += _table("fixed", experiment.fixed)
    blocks += _table("sampling", _sampling(experiment))
    blocks += [_rows("[[metric]]", _metric(metric)) for metric in experiment.metrics]
    blocks += [_rows("[[loop]]", loop) for loop in experiment.loops]
    return "\n\n".join(blocks) + "\n"


def _table(name: str, entries: Mapping[str, Any]) -> list[str]:
    return [_rows(f"[{name}]", entries)] if entries else []


def _rows(head: str, entries: Mapping[str, Any]) -> str:
    return "\n".join([head, *(_entry(key, value) for key, value in entries.items())])


def _entry(key: str, value: Any) -> str:
    return f"{key_text(key)} = {value_text(value)}"


def key_text(key: str) -> str:
    """A key, in quotes where it must be.

    Examples
    --------
    >>> key_text("runs"), key_text("search leverage")
    ('runs', '"search leverage"')
    """
    plain = key.isascii() and key and all(sign.isalnum() or sign in "-_" for sign in key)
    return key if plain else value_text(key)


def value_text(value: Any) -> str:
    r"""A value as TOML writes it.

    Examples
    --------
    >>> value_text({"to": 3.0, "at": 2}), value_text([True, "a\nb"])
    ('{ to = 3.0, at = 2 }', '[true, "a\\nb"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are among those of TOML, but for what it leaves as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ExperimentError(f"an experiment file holds no {value}")
        return repr(int(value)) if isinstance(value, int) else repr(float(value))
    if isinstance(value, Mapping):
        inside = ", ".join(_entry(key, one) for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(value_text, value))}]"
    if hasattr(value, "item"):  # a number of numpy
        return value_text(value.item())
    raise ExperimentError(f"an experiment file holds no '{shown(value)}'")


def _formula(tree: Expression) -> str:
    return to_text(tree, "xmile")


def _sampling(experiment: Experiment) -> dict[str, Any]:
    found: dict[str, Any] = {"method": experiment.method, "runs": experiment.runs, "seed": experiment.seed}
    if experiment.method == "grid":
        found["levels"] = experiment.levels
    if experiment.method == "file":
        if experiment.path:
            found["path"] = experiment.path
        else:
            found["columns"] = {name: list(values) for name, values in experiment.columns.items()}
    return found


def _policy(head: str, policy: Policy) -> list[str]:
    """The table of a policy, and those of its changes."""
    about: dict[str, Any] = {}
    if head == "policy" or policy.name != "baseline":
        about["name"] = policy.name
    if policy.description:
        about["description"] = policy.description
    if policy.set:
        about["set"] = {name: float(value) for name, value in policy.set.items()}
    blocks = [_rows("[[policy]]" if head == "policy" else "[baseline]", about)]
    blocks += [_rows(f"[[{head}.structure]]", _structural(one)) for one in policy.structure]
    blocks += [_rows(f"[[{head}.change]]", _change(one)) for one in policy.changes]
    return blocks


def _structural(change: StructureChange) -> dict[str, Any]:
    if isinstance(change, Remove):
        return {"remove": change.name}
    own = {one.name: value for one in fields(change) if (value := getattr(change, one.name)) != one.default}
    return {_WORDS[type(change)]: own}


def _change(change: Change) -> dict[str, Any]:
    return {"variable": change.variable, **_kind_of_change(change)}


def _kind_of_change(change: Change) -> dict[str, Any]:
    match change:
        case Step():
            return {"step": {**_amount(change.amount), "at": float(change.at)}}
        case Ramp():
            times = {"from": float(change.start), "until": float(change.until)}
            return {"ramp": {**_amount(change.amount), **times}}
        case Pulse():
            table = {**_amount(change.amount), "at": float(change.at), "width": float(change.width)}
            more = {"every": change.every, "until": change.until}
            return {"pulse": {**table, **{key: float(one) for key, one in more.items() if one is not None}}}
        case LookupChange():
            points = [[float(x), float(y)] for x, y in change.points]
            return {"lookup": {"points": points, "of": change.of, "outside": change.outside}}
        case EquationChange():
            return {"equation": change.text}


def _amount(amount: Amount) -> dict[str, float]:
    return {amount.how: float(amount.value)}


def _uncertainty(one: Uncertainty) -> dict[str, Any]:
    given = dict(one.parameters)
    if "file" in given:
        del given["values"]
    found: dict[str, Any] = {"distribution": one.distribution, **given}
    found |= {key: value for key in ("minimum", "maximum") if (value := getattr(one, key)) is not None}
    found |= {key: True for key in ("initial", "free") if getattr(one, key)}
    if one.source == "assumption":
        found["assumption"] = True
    elif one.source:
        found["source"] = one.source
    return found


def _metric(metric: Metric) -> dict[str, Any]:
    found: dict[str, Any] = {"name": metric.name}
    tree = metric.quantity
    if metric.expression is not None:
        found["expression"] = _formula(metric.expression)
    elif isinstance(tree, Name):
        found["variable"] = tree.name + (f"[{', '.join(tree.subscripts)}]" if tree.subscripts else "")
    elif tree is not None:
        found["formula"] = _formula(tree)
    found |= _how(metric)
    if metric.between is not None:
        found["between"] = [float(time) for time in metric.between]
    found |= {"better": metric.better, "rewards_speed": metric.rewards_speed, "tie": float(metric.tie)}
    if metric.censored != "exclude":
        found["censored"] = metric.censored
    if metric.satisfied is not None:
        word, level = metric.satisfied
        found["satisfied"] = {word: float(level)}
    return found


def _how(metric: Metric) -> dict[str, Any]:
    match metric.how:
        case "expression":
            return {}
        case "at":
            return {"at": metric.at}
        case "first_crossing":
            return {"first_crossing": {metric.direction: _level(metric.level)}}
        case "when":
            return {"when": {"variable": metric.trigger, "reaches": _level(metric.level)}}
        case "time_above" | "time_below":
            return {metric.how: _level(metric.level)}
        case "integral":
            rate = {"discount_rate": metric.discount_rate} if metric.discount_rate else {}
            return {"integral": True, **rate}
    return {"statistic": metric.how}


def _level(level: Level | None) -> Any:
    assert level is not None
    if level.value is not None:
        return float(level.value)
    return {"policy": level.policy, "variable": level.variable, "at": float(level.at)}

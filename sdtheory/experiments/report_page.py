"""One page about a comparison: no network, no script; everything that a user wrote is escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sdtheory.diagrams.page import html_page, image
from sdtheory.experiments import tables
from sdtheory.experiments.structure import Rename

if TYPE_CHECKING:
    from sdtheory.experiments.changes import Change
    from sdtheory.experiments.comparison import Comparison
    from sdtheory.experiments.structure import StructureChange

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e5e5e5; white-space: nowrap }
th:first-child, td:first-child { text-align: left } img { max-width: 100% } .warning { color: #8a3b00 }
"""
TITLES = {
    "fan": "Over time, under each policy",
    "difference": "What each policy changes, over time",
    "heatmap": "Where policies do harm",
    "regret": "What each policy loses to the best one",
    "scatter": "In which futures",
    "loops": "Which feedback loops carry the change",
}


def page(comparison: Comparison, pictures: Mapping[str, bytes], no_loops: str = "") -> str:
    """The page.

    Parameters
    ----------
    comparison : Comparison
    pictures : mapping of kind of plot, or ``stock-flow`` and what begins so, to SVG
    no_loops : str
        Why the loops have no scores.
    """
    title = comparison.experiment.title or f"Policies on {comparison.model_name}"
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(comparison.summary())}.</p>"]
    body += [f'<p class="warning">{escape(text)}.</p>' for text in comparison.warnings()]
    views = [picture for name, picture in pictures.items() if name.startswith(VIEWS)]
    if views:
        body += ["<h2>The model</h2>", *(image(one, "stock-flow diagram of the model") for one in views)]
    body.append("<h2>Verdicts</h2>")
    for policy, sentences in verdicts(comparison).items():
        body += [f"<h3>{escape(policy)}</h3>", _items(sentences)]
    for kind, heading in TITLES.items():
        if kind in pictures:
            body += [f"<h2>{escape(heading)}</h2>", image(pictures[kind], heading)]
    body += _loops(comparison, no_loops)
    body += ["<h2>Differences within each future</h2>", _difference_table(comparison)]
    body += ["<h2>Values</h2>", _value_table(comparison)]
    body += ["<h2>Which policies no other beats</h2>", _undominated(comparison)]
    body += ["<h2>Policies</h2>", _items(_policies(comparison))]
    body += ["<h2>Assumptions</h2>", *_assumptions(comparison)]
    body += ["<h2>How this was made</h2>", _items(_made(comparison)), f"<p>{escape(NOTE)}</p>"]
    return html_page(title, STYLE, body)


VIEWS = "stock-flow"  # how names of pictures of the model begin
NOTE = (
    "Every policy meets the same futures, and differences are taken within each. Shares carry Wilson's 95 % "
    "interval. Shares are of the futures sampled; they are no probabilities of what "
    "will happen."
)


def verdicts(comparison: Comparison) -> dict[str, list[str]]:
    """What the comparison says of each policy, a sentence for each metric that has a direction."""
    found: dict[str, list[str]] = {}
    several = comparison.against == "all"
    for row in comparison.differences().to_dict("records"):
        metric = comparison.metric(row["metric"])
        if metric.better == "none":
            continue
        policy = f"{row['policy']} against {row['against']}" if several else row["policy"]
        found.setdefault(policy, []).append(_sentence(row, metric.rewards_speed))
    return found


def _sentence(row: Mapping[str, Any], rewards_speed: bool) -> str:
    if not row["counted"]:
        return f"'{row['metric']}' has no future in which it can be compared."
    words = [f"{word} in {_percent(row, word)}" for word, _ in tables.VERDICTS[:2]]
    words.append(f"a tie in {100 * row['probability_tie']:.0f} %")
    sentence = f"'{row['metric']}' is {', '.join(words)} of {row['counted']:,} futures"
    if math.isfinite(row["median_difference"]):
        sentence += f"; the median change is {row['median_difference']:+.3g}"
    return f"{sentence}{' (!)' if rewards_speed else ''}."


def _percent(row: Mapping[str, Any], word: str) -> str:
    low, high = 100 * row[f"{word}_low"], 100 * row[f"{word}_high"]
    return f"{100 * row[f'probability_{word}']:.0f} % [{low:.0f}, {high:.0f}]"


def _items(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = ("".join(f"<td>{escape(_cell(value))}</td>" for value in row) for row in rows)
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return str(value)


def _difference_table(comparison: Comparison) -> str:
    rows = [
        (
            row["policy"], f"{row['metric']}{' !' if row['rewards_speed'] else ''}", row["mean_difference"],
            f"{_cell(row['low'])} to {_cell(row['high'])}", row["median_difference"],
            _percent(row, "better") if row["counted"] else "-", _percent(row, "worse") if row["counted"] else "-",
            _percent(row, "tie") if row["counted"] else "-", row["counted"], row["missing_censored"],
            row["missing_not_ok"],
        )
        for row in comparison.differences().to_dict("records")
    ]  # fmt: skip
    columns = (
        "policy", "metric", "mean", "95 % interval", "median", "better", "worse", "tie", "counted",
        "never reached", "not ok",
    )  # fmt: skip
    return _table(columns, rows)


def _value_table(comparison: Comparison) -> str:
    columns = (
        "policy",
        "metric",
        "mean",
        "median",
        "p05",
        "p95",
        "valid",
        "censored",
        "at_stop",
        *tables.NOT_OK,
    )
    return _table(columns, [[row[c] for c in columns] for row in comparison.table().to_dict("records")])


def _loops(comparison: Comparison, missing: str) -> list[str]:
    """What each policy does to the shares of feedback loops."""
    heading = "<h2>Shares of feedback loops</h2>"
    if missing:
        return [heading, f"<p>Not scored: {escape(missing)}.</p>"]
    found = comparison.loops
    frame = comparison.loop_differences()
    if frame.empty:
        return [heading, "<p>The model has no feedback loops.</p>"]
    means = found.table().set_index(["policy", "loop"])["mean"]
    rows = [
        (
            row["policy"], f"{row['loop']} {row['name']}", _share(means.get((row["against"], row["loop"]))),
            _share(means.get((row["policy"], row["loop"]))), _points(row["mean_difference"]),
            f"{_points(row['low'])} to {_points(row['high'])}", f"{_points(row['p05'])} to {_points(row['p95'])}",
            row["valid"],
        )
        for row in frame.to_dict("records")
    ]  # fmt: skip
    columns = (
        "policy", "loop", "share under the other", "share", "mean change", "95 % interval", "5-95 % of futures",
        "futures",
    )  # fmt: skip
    sentences = [f"{found.sentence(policy)}." for policy in found.policies[1:]]
    return [heading, f"<p>{escape(frame.attrs['about'])}.</p>", _items(sentences), _table(columns, rows)]


def _share(value: Any) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.2f}" if math.isfinite(value) else "-"


def _undominated(comparison: Comparison) -> str:
    rows = [
        (row["policy"], row["criterion"], "yes" if row["undominated"] else row["dominated_by"], row["valid"])
        for row in comparison.undominated().to_dict("records")
    ]
    return _table(("policy", "by", "beaten by none, or by", "futures"), rows)


def _policies(comparison: Comparison) -> list[str]:
    known = {policy.name: policy for policy in comparison.experiment.policies}
    found = []
    for name in comparison.policies:
        policy = known.get(name, comparison.experiment.baseline)
        values = ", ".join(f"{key} = {value:g}" for key, value in policy.set.items())
        changed = ", ".join(f"{change.variable} ({_kind(change)})" for change in policy.changes)
        built = ", ".join(f"{_kind(change)} {_named(change)}" for change in policy.structure)
        detail = "; ".join(text for text in (policy.description, values, changed, built) if text)
        found.append(f"{name}: {detail or 'no change'}")
    return found


def _kind(change: Change | StructureChange) -> str:
    """What the class of a change says in words: ``AddStock`` is "add stock"."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", type(change).__name__).lower().removesuffix(" change")


def _named(change: StructureChange) -> str:
    return f"{change.old} to {change.new}" if isinstance(change, Rename) else change.name


def _assumptions(comparison: Comparison) -> list[str]:
    rows = []
    for one in comparison.experiment.uncertainties:
        numbers = ", ".join(f"{key} {value}" for key, value in one.parameters.items())
        rows.append((one.name, one.distribution, numbers, one.source or "unsourced"))
    found = [_table(("quantity", "distribution", "parameters", "source"), rows)]
    unsourced = [one.name for one in comparison.experiment.uncertainties if not one.source]
    if unsourced:
        found.append(f'<p class="warning">Unsourced: {escape(", ".join(unsourced))}.</p>')
    return found


def _made(comparison: Comparison) -> list[str]:
    facts = {"model": comparison.model_name, "seed": str(comparison.seed), **comparison.facts}
    facts["intervals of means"] = comparison.interval
    facts["in the shell"] = (
        f"sdtheory compare {comparison.experiment.model or 'MODEL'} {comparison.experiment.file or 'EXPERIMENT.toml'} "
        f"--runs {comparison.runs} --seed {comparison.seed}"
    )
    return [f"{name}: {value}" for name, value in facts.items() if value]

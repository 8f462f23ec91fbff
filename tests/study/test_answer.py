"""README tells what the committed figures hold, and these were made as they should be."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from sdtheory.study.material import BOOST, CONVERTED
from sdtheory.study.verdicts import cell_text

README = Path("README.md").read_text(encoding="utf-8")
ANSWER = " ".join(README.partition("## The answer")[2].partition("\n## ")[0].split())
TABLE = 6  # metrics in README's table


def rows(name):
    with Path(f"figures/{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def printed(first):
    """Rows of the README's table whose head begins so."""
    lines = README[README.index(f"| {first}") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if "---" not in line]


@pytest.fixture(scope="module")
def verdicts():
    return json.loads(Path("figures/verdict.json").read_text(encoding="utf-8"))


def block(verdicts, policy):
    return {
        row["name"]: {cell["rung"]: cell for cell in row["cells"]}
        for one in verdicts["policies"]
        if one["name"] == policy
        for row in one["metrics"]
    }


def test_the_table_is_that_of_the_command(verdicts):
    head, *body = printed("metric | M0")
    assert head == ["metric", *verdicts["rungs"]] and len(head) == 6
    own = block(verdicts, BOOST)
    assert len(body) == TABLE
    for name, *cells in body:
        assert cells == [cell_text(own[name][rung], verdicts["runs"]) for rung in head[1:]]
    assert f"in {verdicts['runs']} futures" in ANSWER and f"seed {verdicts['seed']}" in ANSWER
    assert all(cell["worse"] == 1 for cell in own["time to C*"].values())


def test_the_staircase_is_that_of_the_command():
    head, *body = printed("search less explanation")
    own = {
        (row["rung"], f"{float(row['above']):g} to {float(row['up_to']):g}"): row
        for row in rows("06_beta_minus_gamma")
    }
    assert len(body) == 4
    for rung, *cells in body:
        assert cells == [f"{100 * float(own[rung, name]['worse']):.0f}" for name in head[1:]]


def test_every_other_number_is_that_of_the_command(verdicts):
    found = {(row["criterion"][0], row["rung"], row["metric"]): row for row in rows("02_criteria")}

    def agrees(criterion, rung):
        return f"{100 * float(found[criterion, rung, 'gap after 10 years']['agreement']):.1f}"

    assert f"in {agrees('3', 'M0')} % of M0's futures, but in {agrees('3', 'M4')} % of M4's" in ANSWER
    assert f"in {agrees('1', 'M0')} and {agrees('1', 'M4')} %" in ANSWER
    parts = {(row["part"], row["mode"], row["policy"], row["metric"]): row for row in rows("12_switches")}
    alone = parts["the in-between are boosted", "only this on", BOOST, "gap after 10 years"]["disagreement"]
    assert (
        f"alone it turns the sign of the gap after ten years in {100 * float(alone):.1f} % of futures"
        in ANSWER
    )
    converted = block(verdicts, CONVERTED)
    gaps = [
        cell["worse"]
        for name in ("gap after 10 years", "gap after 30 years", "safety gap after 10 years",
                     "safety gap after 30 years", "gap at C*", "safety gap at C*")
        for cell in converted[name].values()
    ]  # fmt: skip
    earlier = [cell["worse"] for cell in converted["time to C*"].values()]
    assert f"no gap in more than {100 * max(gaps):.1f} % of futures" in ANSWER
    assert f"C* forward in {100 * min(earlier):.0f} to {100 * max(earlier):.0f} %" in ANSWER
    focus = {
        (row["rung"], float(row["focus"])): 100 * float(row["gap after 10 years"])
        for row in rows("10_spectrum_curve")
    }
    assert f"from {focus['M4', 0.25]:.1f} to {focus['M4', 8]:.1f} %" in ANSWER
    for policy in ("embargo", "withhold"):
        assert (
            f"{100 * block(verdicts, policy)['safety gap at C*']['M4']['worse']:.0f} % of futures" in ANSWER
        )
    uptake = block(verdicts, "fund safety uptake")
    assert (
        uptake["safety gap after 10 years"]["M4"]["worse"] == uptake["safety gap at C*"]["M4"]["worse"] == 0
    )
    assert f"is after thirty in {100 * uptake['safety gap after 30 years']['M4']['worse']:.0f} %" in ANSWER
    joint = next(
        line
        for line in Path("figures/verdict.md").read_text(encoding="utf-8").splitlines()
        if "joint labour and compute" in line and "with one alone" in line
    )
    without, alone = (re.search(f"{word} ([0-9.]+)", joint).group(1) for word in ("extensions", "compute"))
    assert f"gap after ten years in {alone} instead of {without} %" in ANSWER
    labs = {(row["policy"], row["metric"]): row for row in rows("13_optional_models")}
    assert f"wider in {100 * float(labs['one lab withholds', 'safety gap at C*']['worse']):.0f} %" in ANSWER
    unprepared = block(verdicts, BOOST)["unprepared gap at C*"]["M4"]["worse"]
    assert f"worse in {100 * unprepared:.1f} % of M4's futures" in ANSWER


def test_rungs_start_alike_and_neither_extremes_nor_half_the_time_step_change_a_verdict():
    checks = rows("11_checks")
    assert [row["rung"] for row in checks] == ["M0", "M1", "M2", "M3", "M4"]
    for row in checks:
        assert float(row["start_deviation"]) <= 1e-9
        assert float(row["half_step"]) <= 0.01
        assert row["extremes_hold"] == "True" and row["unit_warnings"] == row["left_out"] == "0"
    most = max(float(row["half_step"]) for row in checks)
    assert f"no share by more than {100 * most:.1f} points" in ANSWER


def test_percentages_are_called_shares_of_priors():
    assert "a percentage is a share of a box of priors and not a probability" in ANSWER


def test_every_figure_that_readme_shows_exists():
    shown = re.findall(r"\]\((figures/[^)]+)\)", README)
    assert len(shown) >= 4
    assert all(Path(name).is_file() for name in shown)

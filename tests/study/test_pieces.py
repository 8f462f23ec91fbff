"""Parts of the study: families of loops, trades, criteria as classifiers, the page, the rules of its imports."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.study.drivers import drivers_piece
from sdtheory.study.loops import family, paired_shares, shares
from sdtheory.study.material import BOOST, MIDDLE, Material
from sdtheory.study.page import Part, markdown_page, study_page
from sdtheory.study.policies import trades
from sdtheory.study.thresholds import criteria_table

FILES = sorted(Path("sdtheory/study").glob("*.py"))
PUBLIC = {"sdtheory", "sdtheory.errors", "sdtheory.tables", "sdtheory.diagrams", "sdtheory.study"}


@pytest.fixture(scope="module")
def material():
    return Material(Path("models"), runs=128)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_study_knows_the_package_by_its_public_names_and_its_drawings(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        for name in names:
            if name.split(".")[0] == "sdtheory":
                assert ".".join(name.split(".")[:2]) in PUBLIC, name


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays", "m2_search_space"])
def test_families_of_loops_share_the_whole_change(stem):
    model, names = sd.load(f"models/{stem}.xmile"), sd.Experiment.read(f"models/{stem}.toml").loops
    found = shares(sd.loop_dominance(model, MIDDLE, names=names), names)
    assert found.sum() == pytest.approx(1)
    assert "other loops" not in found.index
    assert "mission loop" in found.index


@pytest.mark.parametrize("stem", ["m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms"])
def test_a_named_loop_belongs_to_its_own_family(stem):
    names = sd.Experiment.read(f"models/{stem}.toml").loops
    for entry in names:
        assert family(entry["through"], names) == entry["name"].partition(",")[0]
    through = next(entry["through"] for entry in names if entry["name"] == "adoption adjustment")
    assert family([f"{name}[training]" for name in through], names) == "adoption adjustment"


def test_shares_that_a_policy_gives_one_family_it_takes_from_others(material):
    model, names = sd.load("models/m1_delays.xmile"), material.loops("M1")
    experiment = sd.Experiment.read("models/m1_delays.toml")
    found = sd.compare_loops(model, experiment_of(experiment, BOOST), runs=8, window=(2.0, 12.0))
    moved = paired_shares(found, names)
    assert len(moved) == 8
    np.testing.assert_allclose(moved.sum(axis=1), 0, atol=1e-12)


def experiment_of(experiment, policy):
    from dataclasses import replace

    return replace(experiment, policies=tuple(one for one in experiment.policies if one.name == policy))


def test_on_the_coarsest_rung_every_year_lost_buys_understanding(material):
    found = trades(material.comparison("M0"))
    assert (found["years_lost"] > 0).all() and (found["narrowed"] > 0).all()
    growth = material.comparison("M0").samples["initial capability growth"]
    gap = -material.comparison("M0").paired(BOOST, "gap at C*")[0]
    np.testing.assert_allclose(found["value"] * found["years_lost"] * growth, gap, rtol=1e-12)


def test_the_coarse_criterion_tells_futures_apart_on_coarse_rungs_and_no_longer_on_fine_ones(material):
    found = criteria_table(material).set_index(["criterion", "rung", "metric"])
    area = [found.loc[("3, this horizon", rung, "gap after 10 years"), "auc"] for rung in material.rungs]
    assert area[0] > 0.99 and min(area[:3]) > 0.8 > max(area[3:])
    agrees = found["agreement"]
    for rung in ("M0", "M1"):
        assert (
            agrees["3, this horizon", rung, "gap after 10 years"]
            > agrees["1, long run only", rung, "gap after 10 years"]
        )
    assert agrees["4, at a capability", "M0", "gap at C*"] == 1


def test_without_the_library_of_indices_the_drivers_are_ranked_and_the_report_says_what_is_missing(
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    piece = drivers_piece(Material(Path("models"), runs=32))
    assert piece.lines[-1].startswith("No Sobol indices: sensitivity needs SALib")
    table = piece.tables["07_drivers"]
    assert {"prcc", "rho"} <= set(table) and "ST" not in table
    assert len(piece.figures["07_drivers"].axes) == 1


def test_texts_on_the_page_are_escaped():
    part = Part(
        "A <b> & heading", ["- a <script> *so* named", "", "| a\\* | `b` |", "|---|---|", "| 1 | <2> |"], []
    )
    html = study_page([part], {}, 8, 1)
    assert "<script" not in html and "&lt;script&gt; <em>so</em> named" in html
    assert "<th>a*</th><th><code>b</code></th>" in html and "<td>&lt;2&gt;</td>" in html
    assert html.count("<ul>") == html.count("</ul>") == html.count("<table>") == html.count("</table>") == 1
    assert "\n\n\n" not in markdown_page([part], 8, 1)

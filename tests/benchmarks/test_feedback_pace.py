"""What finding and scoring feedback loops costs, in CPU seconds."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import benchmark_models
import numpy as np
import pace
import pytest

import sdtheory as sd
from sdtheory.feedback.discovery import strongest_cycles
from sdtheory.feedback.dominance_runs import run_batch, structure

pytestmark = pytest.mark.benchmark

TRIES = 3


def least(function, *arguments, tries=TRIES, **options):
    """CPU seconds of the quickest of some calls, and what the last one gave."""
    seconds = []
    for _ in range(tries):
        begun = time.process_time()
        found = function(*arguments, **options)
        seconds.append(time.process_time() - begun)
    return min(seconds), found


def copied(model):
    """A model that is equal but not remembered."""
    return replace(model)


@pytest.fixture
def large(request, tmp_path):
    given = request.config.getoption("--world3")
    if given:
        return sd.load(Path(given))
    path = tmp_path / "world.mdl"
    path.write_text(benchmark_models.world(), encoding="utf-8")
    return sd.load(path)


def test_a_model_of_world3_s_size(large, report):
    stages = {}
    stages["causal graph"], graph = least(sd.causal_graph, large)
    stages["independent loops"], independent = least(sd.independent_loops, graph)
    stages["structure"], prepared = least(lambda: structure(copied(large)))
    stages["run"], batch = least(run_batch, prepared, (), np.zeros((0, 1)), 0)
    stages["link scores"], links = least(prepared.scores, prepared.feedback_links, batch)
    alone = {link: score[0] for link, score in links.items()}
    states = [name for name, kind in prepared.graph.nodes(data="kind") if kind == "stock"]
    stages["discovery"], cycles = least(strongest_cycles, alone, states)
    stages["loop_dominance"], dominance = least(sd.loop_dominance, large, tries=1)
    report += pace.table(
        [f"{large.name}: loops, CPU s", *stages, ""],
        [["least of tries", *(pace.short(value) for value in stages.values()), ""]],
    )
    report.append(
        f"{len(graph)} variables, {graph.number_of_edges()} links, {len(links)} of them in feedback, "
        f"{len(batch.times)} rows; {len(independent)} independent loops, {len(cycles):,} found by strongest links; "
        f"{'; '.join(dominance.messages) or 'all loops scored'}"
    )
    relative = np.abs(dominance.to_numpy())
    assert np.isfinite(relative).all()
    assert relative.max() <= 1 + 1e-9


@pytest.mark.parametrize("stem", ["m0_seed", "m1_delays"])
def test_the_study_s_models(stem, report):
    model = sd.load(f"models/{stem}.xmile")
    first, _ = least(lambda: sd.loop_dominance(copied(model)))
    again, dominance = least(sd.loop_dominance, model, {"theorist boost": 0.5}, tries=2 * TRIES)
    experiment = sd.Experiment.read(f"models/{stem}.toml")
    many, _ = least(sd.compare_loops, model, experiment, runs=64, tries=1)
    runs = 64 * (1 + len(experiment.policies))
    report.append(
        f"{stem}: {dominance.shape[1]} loops over {len(dominance)} rows scored in {1000 * first:.0f} ms of CPU, with "
        f"the structure known in {1000 * again:.0f} ms; between policies {1000 * many / runs:.1f} ms a run"
    )
    assert dominance.shape[1] in (3, 11)

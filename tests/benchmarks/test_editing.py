"""What one edit costs until its curves are there: the document, its model, its run; and what a slider costs."""

from __future__ import annotations

import time
from collections.abc import Callable

import benchmark_models
import numpy as np
import pace
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.engines.at_once import simulate_at_once
from sdtheory.translate.remembered import forget
from sdtheory.translate.updating import updated

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("frozen")]

EDITS = 40
LIMIT, SLIDER = (
    0.05,
    0.033,
)  # seconds that an editor may take until an edit or a slider shows, at 100 variables
SECTORS = {30: 1, 100: 5, 300: 14}
QUICKER = 3  # times that updating must be quicker than loading
Stages = dict[str, list[tuple[float, float]]]


@pytest.fixture(params=["vensim", "xmile"])
def format(request):
    return request.param


def document_of(size: int, format: str):
    text = benchmark_models.world(sectors=SECTORS[size])
    document = from_bytes(text.encode()).set_simulation(stop=250)  # 500 steps
    return document if format == "vensim" else sd.convert(document, "xmile")


def timed(stages: Stages, name: str, task: Callable):
    """What a task gives; its seconds of CPU and of the clock are put down."""
    cpu, clock = time.process_time(), time.perf_counter()
    found = task()
    stages.setdefault(name, []).append((time.process_time() - cpu, time.perf_counter() - clock))
    return found


def an_equation(document, turn: int) -> str:
    """An equation for the loss of the first sector that needs machine code of its own."""
    names = ("level 1", "lifetime 1", "life effect 1")
    level, lifetime, effect = names if document.format == "vensim" else (n.replace(" ", "_") for n in names)
    terms = "".join(f" {'+-'[turn >> place & 1]} 0 * {level}" for place in range(6))
    return f"{level} / MAX({lifetime} * {effect}, 8){terms}"


def edit(stages: Stages, before, old, turn: int):
    """The document and the model after another equation; a slider and an edit of a number are tried, too."""
    text, growth = an_equation(before, turn), 0.04 + turn / 1000
    document = timed(stages, "edit", lambda: before.set_equation("loss 1", text))
    model = timed(stages, "model", lambda: updated(old, before, document))
    timed(stages, "run", lambda: simulate_at_once(model))
    timed(stages, "slider", lambda: simulate_at_once(model, {"normal growth 1": growth}))
    number = document.set_equation("normal growth 1", str(growth))
    other = timed(stages, "model of a number", lambda: updated(model, document, number))
    timed(stages, "run of a number", lambda: simulate_at_once(other))
    return document, model


def summary(title: str, stages: Stages) -> list[str]:
    rows = []
    for place, kind in enumerate(("CPU", "clock")):
        for word, of in (("median", np.median), ("p95", lambda values: np.quantile(values, 0.95))):
            cells = (pace.short(1000 * of([one[place] for one in stage])) for stage in stages.values())
            rows.append([f"{word}, {kind}", *cells, ""])
    return pace.table([title, *stages, ""], rows)


@pytest.mark.parametrize("size", SECTORS)
def test_an_edit_and_a_slider(size, format, report):
    document = document_of(size, format)
    loading: Stages = {}
    for _ in range(3):
        forget()
        model = timed(loading, "load", lambda: sd.load(document))
    simulate_at_once(model)
    stages: Stages = {}
    for turn in range(EDITS):
        document, model = edit(stages, document, model, turn)
    parts = zip(*(stages[name] for name in ("edit", "model", "run")), strict=True)
    stages["edit to curves"] = [tuple(np.sum(one, axis=0)) for one in parts]
    run = simulate_at_once(model)
    forget()
    assert model == sd.load(document) and run.attrs["engine"] == "compiled"
    np.testing.assert_allclose(run, sd.simulate(model, engine="vectorised"), rtol=1e-9)
    load = min(cpu for cpu, _ in loading["load"])
    report += summary(f"{len(model.variables)} variables, {format}: ms", stages)
    report.append(f"loading takes {pace.short(1000 * load)} ms of CPU")
    cpu = {name: float(np.median([one for one, _ in stage])) for name, stage in stages.items()}
    if size >= 100:
        assert QUICKER * cpu["model"] < load
    if size <= 100:
        assert cpu["edit to curves"] < LIMIT and cpu["slider"] < SLIDER

"""Laws of conversion: the run, the units, the documentation and the drawing stay the same, there and back."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.documents.convert_views import corners
from sdtheory.model.expression import Call, Name, Number, to_text
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.printing import form
from sdtheory.names import canonical

OTHER = {"vensim": "xmile", "xmile": "vensim"}
MODELS = sorted(path for path in Path("models").iterdir() if path.suffix in (".mdl", ".xmile"))
CLOCK = {"initial time", "final time", "time step", "saveper"}
DRAWN = ("stock", "flow", "auxiliary", "alias", "text")
SUFFIXES = (".mdl", ".xmile", ".stmx")
REFUSALS = ("has no counterpart in", "depends on more than constants", "below zero")
EQUAL, EQUAL_EXPANDED = 1e-12, 1e-9


@pytest.fixture(autouse=True)
def losses_are_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.SDWarning)
        yield


def key(column):
    """A column's name without regard to how names and elements are spelled."""
    head, _, inside = str(column).partition("[")
    return canonical(head), tuple(canonical(part) for part in inside.rstrip("]").split(","))


def apart(before, after):
    """The largest difference of two runs, relative to the largest value of each column of the first."""
    assert np.array_equal(before.index, after.index)
    columns = {key(column): column for column in after.columns}
    worst = 0.0
    for column in before.columns:
        if key(column)[0] in CLOCK:
            continue
        here, there = before[column].to_numpy(float), after[columns[key(column)]].to_numpy(float)
        assert np.array_equal(np.isnan(here), np.isnan(there)), column
        scale = float(np.nanmax(np.abs(here), initial=0.0)) or 1.0
        with np.errstate(invalid="ignore"):
            gaps = np.where((here == there) | np.isnan(here), 0.0, np.abs(here - there))
        worst = max(worst, float(gaps.max()) / scale)
    return worst


def described(document, model):
    """Units, documentation, limits and group of every variable, the settings of the clock among them."""
    return {
        canonical(entry.name): (
            entry.units,
            [line.strip() for line in entry.documentation.split("\n")],
            entry.limits,
            entry.group,
        )
        for entry in document.variables.values()
        if entry.name in model or canonical(entry.name) in CLOCK
    }


def places(view):
    """Kind, name and centre of everything drawn but lines, in an order of their own."""
    return sorted(
        (element.kind, canonical(element.variable or element.text), element.x, element.y)
        for element in view.elements
        if element.kind in (*DRAWN, "cloud")
    )


def links(view):
    """Connectors by the names at their ends, with sign and delay mark."""
    names = {one.id: (one.kind, canonical(one.variable or one.text)) for one in view.elements}
    return Counter(
        (names[one.source], names[one.target], one.polarity, one.delay)
        for one in view.elements
        if one.kind == "connector"
    )


def pipes(view):
    """The ends and corners of every flow."""
    kinds = {one.id: (one.kind, canonical(one.variable or "")) for one in view.elements}
    return {
        canonical(one.variable): (kinds.get(one.source), kinds.get(one.target), corners(one.points))
        for one in view.elements
        if one.kind == "flow"
    }


def bends(view):
    """Where each arc is in its middle, by the names at its ends."""
    names = {one.id: (one.kind, one.x, one.y) for one in view.elements}
    return {
        (names[one.source], names[one.target]): one.control
        for one in view.elements
        if one.kind == "connector" and one.control
    }


def assert_drawn_alike(before, after, tolerance=1.0):
    assert [view.name for view in before.views] == [view.name for view in after.views] or not any(
        view.name for view in before.views
    )
    assert len(before.views) == len(after.views)
    for here, there in zip(before.views, after.views, strict=True):
        assert links(here) == links(there)
        for one, other in zip(places(here), places(there), strict=True):
            assert one[:2] == other[:2]
            assert max(abs(one[2] - other[2]), abs(one[3] - other[3])) <= tolerance, one
        one_side, other_side = pipes(here), pipes(there)
        for flow, (source, target, points) in one_side.items():
            assert other_side[flow][:2] == (source, target)
            others = other_side[flow][2]
            assert len(points) == len(others)
            np.testing.assert_allclose(points[1:-1], others[1:-1], atol=tolerance)
            # a Vensim pipe ends at the border of a cloud, one of XMILE in its middle
            for kind, end in ((source, 0), (target, -1)):
                slack = 10.0 if kind and kind[0] == "cloud" else tolerance
                np.testing.assert_allclose(points[end], others[end], atol=slack)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_converted_model_runs_alike_and_so_does_the_one_converted_back(path):
    document = sd.read(path)
    run = sd.simulate(sd.load(document))
    there = sd.convert(document, OTHER[document.format])
    back = sd.convert(there, document.format)
    for one in (there, back):
        assert one.notes == () and one.source is None
        assert apart(run, sd.simulate(sd.load(one))) <= EQUAL


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_units_documentation_limits_and_groups_survive_the_way_there_and_back(path):
    document = sd.read(path)
    model = sd.load(document)
    there = sd.convert(document, OTHER[document.format])
    back = sd.convert(there, document.format)
    assert described(back, model) == described(document, model)
    unclocked = {name: one for name, one in described(document, model).items() if name not in CLOCK}
    assert {name: described(there, model)[name] for name in unclocked} == unclocked
    assert [(group.name, group.documentation) for group in back.groups if group.name != "Control"] == [
        (group.name, group.documentation) for group in document.groups if group.name != "Control"
    ]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_everything_drawn_stays_in_its_place(path):
    document = sd.read(path)
    there = sd.convert(document, OTHER[document.format])
    assert_drawn_alike(document, there)
    assert_drawn_alike(document, sd.convert(there, document.format))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_arcs_keep_the_circle_that_they_lie_on(path):
    document = sd.read(path)
    there = sd.convert(document, OTHER[document.format])
    back = sd.convert(there, document.format)
    assert sum(len(bends(view)) for view in there.views) > 5
    for here, again in zip(there.views, back.views, strict=True):
        first, second = bends(here), bends(again)
        for ends, (x, y) in first.items():
            assert max(abs(second[ends][0] - x), abs(second[ends][1] - y)) <= 1.0


def test_the_settings_survive_the_way_there_and_back():
    document = from_bytes(
        b"{UTF-8}\nx= Time ~~|\nINITIAL TIME= 1 ~ Day ~|\nFINAL TIME= 9.5 ~ Day ~|\nTIME STEP= 1/8 ~ Day ~|\n"
        b"SAVEPER= 0.5 ~ Day ~|\n///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,5,0,0\n22:$,Euro,Euros\n22:Day,Days\n"
    )
    there = sd.convert(document, "xmile")
    assert (there.simulation.time_step, there.simulation.reciprocal) == ("1/8", True)
    assert (there.simulation.method, there.simulation.save_every) == ("RK4", "0.5")
    back = sd.convert(there, "vensim")
    assert back.simulation.time_step == "0.125"
    assert back.simulation.method == "5"
    for one in (there, back):
        assert sd.load(one).settings.time_units == "Day"
        assert [(unit.name, unit.aliases) for unit in one.unit_definitions] == [
            ("Euro", ("$", "Euros")),
            ("Day", ("Days",)),
        ]


# every function of the table


def convertible_calls():
    values = [Name("wave"), Name("late"), Number(1.5), Number(4.0), Number(0.5), Number(7.0)]
    own = {
        "smooth": (values[0], Name("late"), Number(2.0), Number(3.0)),
        "delay": (values[0], Name("late"), Number(2.0), Number(1.0)),
        "delay_n": (values[0], Name("late"), Number(2.0), Number(4.0)),
        "step": (values[0], Name("late")),
        "ramp": (Number(0.5), Number(2.0)),
        "pulse": (Name("late"), Number(1.5)),
        "pulse_train": (Number(1.0), Number(3.0), Number(0.5), Number(9.0)),
        "xmile_pulse": (Name("late"), values[0]),
        "xmile_pulse_train": (Name("late"), Number(3.0), values[0]),
        "sample_if_true": (Call("step", (Number(1.0), Number(3.0))), values[0], Number(5.0)),
        "get_time_value": (Number(0.0), Number(2.0), Number(0.0)),
        "log": (Name("late"), Number(3.0)),
        "arcsin": (Number(0.25),),
        "arccos": (Number(0.25),),
        "quantum": (values[0], Number(0.3)),
        "modulo": (values[0], Number(0.3)),
        "forecast": (values[0], Name("late"), Number(2.0), Number(0.1)),
        "random_normal": (Number(0.0), Number(3.0), Number(1.0), Number(2.0), Number(5.0)),
    }
    for row in FUNCTIONS.values():
        for dialect in OTHER:
            for count in sorted(set(row.arity)):
                arguments = own.get(row.key, tuple(values))[:count]
                site = (Number(0.0),) if row.kind == "random" else ()
                call = Call(row.key, (*arguments, *site))
                known = row.kind in ("pure", "time", "state", "random") and len(arguments) == count
                if known and form(call, dialect) is not None and row.key not in ("integ", "active_initial"):
                    yield pytest.param(call, dialect, id=f"{row.key}-{count}-{dialect}")


def model_with(call, dialect):
    if dialect == "vensim":
        return from_bytes(
            f"{{UTF-8}}\nout= {to_text(call)} ~~|\nwave= 2 + SIN(Time) ~~|\nlate= 2 ~~|\nINITIAL TIME= 0 ~~|\n"
            "FINAL TIME= 10 ~~|\nTIME STEP= 0.25 ~~|\nSAVEPER= 0.25 ~~|\n".encode()
        )
    text = to_text(call, "xmile").replace("<", "&lt;")
    return from_bytes(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/><sim_specs><start>0'
        f'</start><stop>10</stop><dt>0.25</dt></sim_specs><model><variables><aux name="out"><eqn>{text}</eqn></aux>'
        '<aux name="wave"><eqn>2 + SIN(TIME)</eqn></aux><aux name="late"><eqn>2</eqn></aux></variables></model>'
        "</xmile>".encode()
    )


@pytest.mark.parametrize("call, dialect", list(convertible_calls()))
def test_every_function_is_converted_or_refused_by_its_name(call, dialect):
    document = model_with(call, dialect)
    row = FUNCTIONS[call.function]
    try:
        there = sd.convert(document, OTHER[dialect])
    except sd.SDError as error:
        assert call.function in ("random_exponential", "random_triangular")
        assert f"'out': {row.vensim} has no counterpart" in str(error)
        return
    run = sd.simulate(sd.load(document))
    back = sd.convert(there, dialect)
    for one in (there, back):
        assert apart(run, sd.simulate(sd.load(one))) <= EQUAL


# the public conformance files


def pytest_generate_tests(metafunc):
    if "model_file" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--conformance", default=None)
        found = (path for path in Path(folder).rglob("*") if path.suffix in SUFFIXES) if folder else ()
        files = sorted(path for path in found if path.is_file())
        metafunc.parametrize("model_file", files, ids=[path.relative_to(folder).as_posix() for path in files])


def shown_links(view):
    """Connectors between elements that the view shows and that the other format can draw a link to."""
    ids = {one.id for one in view.elements if one.kind in ("stock", "flow", "auxiliary", "alias")}
    return sum(one.kind == "connector" and {one.source, one.target} <= ids for one in view.elements)


def test_a_conformance_file_runs_alike_in_the_other_format_and_back(model_file):
    try:
        document = sd.read(model_file)
        model = sd.load(document)
    except sd.SDError:
        return  # what cannot be loaded is judged by the tests of loading
    try:
        there = sd.convert(document, OTHER[document.format])
    except sd.SDError as error:
        assert any(reason in str(error) for reason in REFUSALS)
        return
    back = sd.convert(there, document.format)
    inlined = {module.name for module in document.modules}
    for one in (there, back):
        assert one.notes == ()
        again = sd.load(one)
        for here, now in zip(document.views, one.views, strict=True):
            kinds, kinds_now = (Counter(element.kind for element in view.elements) for view in (here, now))
            drawn = DRAWN if not inlined else ("flow", "alias", "text")
            assert [kinds[kind] for kind in drawn] == [kinds_now[kind] for kind in drawn]
            assert shown_links(here) == shown_links(now)
        try:
            run = sd.simulate(model)
        except sd.SimulationError:
            continue
        assert apart(run, sd.simulate(again)) <= EQUAL_EXPANDED

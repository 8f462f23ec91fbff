"""Functions over arrays against numpy, on the vectorised engine, the compiled one and PySD."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes
from sdtheory.errors import ModelError, NotCompiled
from sdtheory.model.model import Model

CONTROL = "INITIAL TIME=0 ~~| FINAL TIME=2 ~~| TIME STEP=1 ~~| SAVEPER=TIME STEP ~~|"
RANGES = "d: d1,d2,d3,d4 ~~| e: e1,e2,e3,e4 -> d ~~| p: p1,p2,p3 ~~| q: q1,q2,q3 ~~|"
quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.floats(-100, 100, width=16)
four = st.lists(numbers, min_size=4, max_size=4)


def mdl(text: str) -> Model:
    return sd.load(from_bytes(f"{{UTF-8}}\n{RANGES}\n{text}\n{CONTROL}".encode(), format="vensim"))


def listed(values) -> str:
    return ",".join(f"{value!r}" for value in map(float, values))


def first_row(model: Model, name: str, engine: str = "vectorised", **settings) -> np.ndarray:
    frame = sd.simulate(model, engine=engine, outputs=[name], **settings)
    return frame.iloc[0].to_numpy()


SORTS = (
    "up[d]=VECTOR SORT ORDER(v[d],1) ~~| down[d]=VECTOR SORT ORDER(v[d],-1) ~~|"
    "rank[d]=VECTOR RANK(v[d],1) ~~| back[d]=VECTOR RANK(v[d],0) ~~| sorted[d]=VECTOR REORDER(v[d],up[d]) ~~|"
)


@quick
@given(four)
def test_sorts_are_those_of_numpy_and_of_pysd(values):
    model = mdl(f"v[d]={listed(values)} ~~| {SORTS}")
    order = np.argsort(values, kind="stable")
    assert first_row(model, "up").tolist() == order.tolist()
    assert first_row(model, "down").tolist() == order[::-1].tolist()
    assert first_row(model, "rank").tolist() == (np.argsort(order) + 1).tolist()
    assert first_row(model, "sorted").tolist() == sorted(values)
    # the order that PySD gives to equal values is the processor's affair
    for name in ("up", "down", "rank", "back", "sorted") if len(set(values)) == 4 else ():
        assert first_row(model, name).tolist() == first_row(model, name, "reference").tolist()


@quick
@given(four)
def test_a_sort_follows_what_runs_vary(values):
    model = mdl(f"k=1 ~~| b[d]={listed(values)} ~~| v[d]=b[d]*k ~~| {SORTS}")
    for engine in ("vectorised", "compiled"):
        runs = sd.simulate_many(model, {"k": [1.0, -1.0]}, outputs=["rank", "sorted"], engine=engine)
        for run, k in enumerate((1.0, -1.0)):
            ranks = [runs[f"rank[d{i}]"].values[run, 0] for i in range(1, 5)]
            assert ranks == (np.argsort(np.argsort(np.multiply(values, k), kind="stable")) + 1).tolist()
            found = [runs[f"sorted[d{i}]"].values[run, 0] for i in range(1, 5)]
            assert found == sorted(value * k for value in values)


def test_a_sort_into_a_range_that_is_mapped_or_of_the_same_size_keeps_its_places():
    model = mdl(
        "v[d]=4,1,3,2 ~~| mapped[e]=VECTOR SORT ORDER(v[d],1) ~~| w[p,d]=4,1,3,2;1,2,3,4;4,3,2,1; ~~|"
        "f: f1,f2,f3,f4 ~~| sized[f]=VECTOR SORT ORDER(v[d],1) ~~| rows[p,f]=VECTOR RANK(w[p,d],1) ~~|"
        "wrong[q]=VECTOR SORT ORDER(v[d],1) ~~|"
    )
    assert first_row(model, "mapped").tolist() == first_row(model, "sized").tolist() == [1, 3, 2, 0]
    assert first_row(model, "rows").tolist() == [4, 1, 3, 2, 1, 2, 3, 4, 4, 3, 2, 1]
    with pytest.raises(NotCompiled, match='"wrong": VECTOR SORT ORDER into an array of another size'):
        sd.simulate(model, engine="vectorised")


FORMS = {
    0: lambda s, v: (s * v).sum(),
    1: lambda s, v: (s * v).prod(),
    2: lambda s, v: (s * v).min(),
    3: lambda s, v: (s * v).max(),
    4: lambda s, v: (s * v).mean(),
    5: lambda s, v: (v**s).prod(),
    6: lambda s, v: v.sum(),
    7: lambda s, v: v.prod(),
    8: lambda s, v: v.min(),
    9: lambda s, v: v.max(),
    10: lambda s, v: v.mean(),
}


@quick
@given(st.lists(st.integers(-2, 2), min_size=4, max_size=4), four)
def test_a_selection_takes_the_cells_whose_selector_is_not_zero(selectors, values):
    values = [abs(value) + 0.5 for value in values]
    text = "".join(f"x{i}=VECTOR SELECT(s[d!],v[d!],-7,{i},0) ~~|" for i in FORMS)
    model = mdl(f"s[d]={listed(selectors)} ~~| v[d]={listed(values)} ~~| {text}")
    run = sd.simulate(model, engine="vectorised").iloc[0]
    peer = sd.simulate(model, engine="reference").iloc[0]
    taken = np.array(selectors, dtype=float) != 0
    s, v = np.array(selectors, dtype=float)[taken], np.array(values)[taken]
    for action, form in FORMS.items():
        expected = form(s, v) if taken.any() else -7
        assert run[f"x{action}"] == pytest.approx(expected, rel=1e-12)
        assert run[f"x{action}"] == pytest.approx(peer[f"x{action}"], rel=1e-12)


@pytest.mark.parametrize(
    "selectors, faults",
    [("0,0,0,0", {1, 3}), ("0,1,0,0", set()), ("0,1,1,0", {2, 3})],
)
def test_a_selection_at_fault_is_no_number(selectors, faults):
    text = "".join(f"x{i}=VECTOR SELECT(s[d!],v[d!],-7,0,{i}) ~~|" for i in range(4))
    run = sd.simulate(mdl(f"s[d]={selectors} ~~| v[d]=1,2,3,4 ~~| {text}"), engine="vectorised").iloc[0]
    assert {i for i in range(4) if np.isnan(run[f"x{i}"])} == faults


def test_a_selection_by_rows_and_one_whose_action_varies():
    model = mdl(
        "s[p,d]=0,1,0,1;1,0,0,0;0,0,0,0; ~~| v[d]=1,2,3,4 ~~| x[p]=VECTOR SELECT(s[p,d!],v[d!],9,0,0) ~~|"
    )
    assert first_row(model, "x").tolist() == [6, 1, 9]
    moving = mdl("s[d]=1,1,1,1 ~~| x=VECTOR SELECT(s[d!],s[d!],9,Time,0) ~~|")
    with pytest.raises(NotCompiled, match='"x": VECTOR SELECT with an action that is not a plain number'):
        sd.simulate(moving, engine="vectorised")


@quick
@given(st.lists(st.floats(-5, 5, width=16), min_size=9, max_size=9))
def test_an_inverse_times_its_matrix_is_one(values):
    matrix = np.array(values).reshape(3, 3) + np.diag([0.0, 7.0, 0.0])[:, [1, 0, 2]]
    if np.linalg.cond(matrix) > 1e6:
        matrix = np.eye(3)[[2, 0, 1]]
    rows = "".join(listed(row) + ";" for row in matrix)
    model = mdl(f"m[p,q]={rows} ~~| i[p,q]=INVERT MATRIX(m[p,q],3) ~~|")
    inverse = first_row(model, "i").reshape(3, 3)
    assert np.allclose(inverse @ matrix, np.eye(3), atol=1e-8)
    assert np.allclose(inverse, first_row(model, "i", "reference").reshape(3, 3), rtol=1e-7, atol=1e-9)


def test_a_matrix_that_varies_is_inverted_at_each_moment():
    model = mdl(
        "m[p,q]=0,1,Time; ~~|".replace("0,1,Time;", "IF THEN ELSE(p=q,Time+1,0)")
        + "i[p,q]=INVERT MATRIX(m[p,q],3) ~~|"
    )
    for engine in ("vectorised", "compiled", "reference"):
        assert sd.simulate(model, engine=engine)["i[p2,q2]"].tolist() == [1, 1 / 2, 1 / 3]
        assert (sd.simulate(model, engine=engine)["i[p1,q2]"] == 0).all()


def test_a_map_goes_on_from_a_cell_by_an_offset_row_by_row():
    model = mdl(
        "v[p,q]=1,2,3;4,5,6;7,8,9; ~~| x[q]=VECTOR ELM MAP(v[p2,q1],q-1) ~~| y=VECTOR ELM MAP(v[p1,q1],Time*4) ~~|"
        "z[q]=VECTOR ELM MAP(v[p3,q],-3) ~~| far=VECTOR ELM MAP(v[p3,q3],Time) ~~|"
        "never=VECTOR ELM MAP(v[p1,q1],-1) ~~|"
    )
    run = sd.simulate(model, engine="vectorised")
    assert run[["x[q1]", "x[q2]", "x[q3]"]].iloc[0].tolist() == [4, 5, 6]
    assert run["y"].tolist() == [1, 5, 9]
    assert run[["z[q1]", "z[q2]", "z[q3]"]].iloc[0].tolist() == [4, 5, 6]
    assert run["far"].iloc[0] == 9 and run["far"].iloc[1:].isna().all() and run["never"].isna().all()


def test_a_map_with_a_fixed_offset_may_go_along_the_array_that_it_defines():
    model = mdl("x[d]=IF THEN ELSE(d=d1,Time,VECTOR ELM MAP(x[d],-1)*2) ~~|")
    assert sd.simulate(model)[["x[d1]", "x[d4]"]].iloc[2].tolist() == [2, 16]
    with pytest.raises(ModelError, match="need each other"):
        sd.simulate(mdl("x[d]=VECTOR ELM MAP(x[d],Time) ~~|"))


def test_sums_and_their_like_run_over_what_is_marked_and_no_more():
    model = mdl(
        "v[p,q]=1,2,3;4,5,6;7,8,9; ~~| all=SUM(v[p!,q!]) ~~| rows[p]=SUM(v[p,q!]) ~~| one=PROD(v[p1,q!]) ~~|"
        "least=VMIN(v[p!,q2]) ~~| most[q]=VMAX(v[p!,q]) ~~| nested=SUM(v[p!,q1]*VMAX(v[p!,q!])) ~~|"
        "weighed=SUM(v[p!,q1]*rows[p!]) ~~| count=ELMCOUNT(p)+0 ~~|"
    )
    run = sd.simulate(model, engine="vectorised").iloc[0]
    assert (run["all"], run["one"], run["least"], run["count"]) == (45, 6, 2, 3)
    assert run[["rows[p1]", "rows[p3]", "most[q1]"]].tolist() == [6, 24, 7]
    assert run["nested"] == 12 * 9 and run["weighed"] == 6 + 4 * 15 + 7 * 24


def test_what_is_too_large_to_be_written_out_is_named():
    model = mdl("l: (l1-l300) ~~| v[l]=Time ~~| order[l]=VECTOR SORT ORDER(v[l],1) ~~|")
    with pytest.raises(NotCompiled, match='"order": a sort of 300 cells'):
        sd.simulate(model, engine="vectorised")

"""Opening or running a model runs nothing that its author wrote, writes nothing beside it, and ends soon."""

import builtins
import time

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

MDL = """{{UTF-8}}
{name}= INTEG ({rate}, 1)
\t~\t{units}
\t~\t{documentation}
\t|
rate= 0.1
\t~\t{units}
\t~\t{documentation}
\t|
FINAL TIME = {stop} ~ Year ~ |
INITIAL TIME = 0 ~ Year ~ |
SAVEPER = TIME STEP ~ Year ~ |
TIME STEP = {step} ~ Year ~ |
"""
XMILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>
<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>{dimensions}<model><variables>
<stock name="level"><eqn>1</eqn><inflow>rate</inflow><doc>{documentation}</doc><units>{units}</units></stock>
<flow name="rate"><eqn>0.1</eqn><doc>{documentation}</doc></flow></variables></model></xmile>
"""
CANARY = "sdtheory_canary"
PAYLOADS = [
    f'"""\nimport builtins; builtins.{CANARY} = 1\n"""',
    f'\\"\\"\\"\\\nimport builtins; builtins.{CANARY} = 1\\\n\\"\\"\\"',
    f"'''+str(setattr(__import__('builtins'), '{CANARY}', 1))+'''",
    f"'] = setattr(__import__('builtins'), '{CANARY}', 1) #",
    f"{{__import__('builtins').__setattr__('{CANARY}', 1)}}",
    "\\",
    "%s %(x)s {0}",
]


def mdl(name="level", rate="rate", units="Dmnl", documentation="", stop="2", step="1"):
    return MDL.format(name=name, rate=rate, units=units, documentation=documentation, stop=stop, step=step)


def use(path):
    """Everything that reads a model, on each engine."""
    model = sd.load(path)
    sd.causal_graph(model)
    sd.find_loops(model)
    for engine in ("vectorised", "reference"):
        sd.simulate(model, engine=engine)


@pytest.fixture
def unharmed(tmp_path, monkeypatch):
    """The canary never appears, and the folder holds only what the test put there."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not hasattr(builtins, CANARY)
    assert [p.name for p in tmp_path.iterdir() if p.suffix not in (".mdl", ".xmile")] == ["theory.py"]
    assert (tmp_path / "theory.py").read_text() == "mine = True\n"


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["documentation", "units"])
@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
def test_text_of_a_model_is_never_run(unharmed, payload, place, suffix):
    (unharmed / "theory.py").write_text("mine = True\n")
    path = unharmed / f"theory.{suffix}"
    escaped = payload.replace("&", "&amp;").replace("<", "&lt;")
    text = mdl(**{place: payload}) if suffix == "mdl" else XMILE.format(
        **{"documentation": "", "units": "", "dimensions": "", place: escaped}
    )  # fmt: skip
    path.write_text(text)
    try:
        use(path)
    except SDError as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_of_dimensions_elements_and_functions_are_never_run(unharmed, payload):
    (unharmed / "theory.py").write_text("mine = True\n")
    quoted = payload.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\n", " ")
    dimensions = f'<dimensions><dim name="{quoted}"><elem name="{quoted} one"/></dim></dimensions>'
    (unharmed / "theory.xmile").write_text(XMILE.format(documentation="", units="", dimensions=dimensions))
    quoted = payload.replace('"', '\\"').replace("\n", " ")
    (unharmed / "theory.mdl").write_text(mdl(rate=f'"{quoted}"(rate)'))
    (unharmed / "named.mdl").write_text(mdl(name=f'"{quoted}"'))
    for path in unharmed.glob("*.*"):
        if path.suffix != ".py":
            try:
                use(path)
            except SDError as error:
                assert "Traceback" not in str(error)


def test_a_file_name_is_never_run(unharmed):
    (unharmed / "theory.py").write_text("mine = True\n")
    path = unharmed / f"'''+str(setattr(__import__('builtins'),'{CANARY}',1))+'''.mdl"
    path.write_text(mdl())
    use(path)


HOPELESS = {
    "a last time beyond all steps": mdl(stop="1e12"),
    "a step of zero": mdl(step="0"),
    "a negative step": mdl(step="-1"),
    "a loop without a stock": mdl(rate="a") + "a = b ~ ~ |\nb = a ~ ~ |\n",
    "a thousand brackets": mdl(rate="(" * 1000 + "rate" + ")" * 1000),
    "a tower of two thousand powers": mdl(rate="^".join(["rate"] * 2000)),
    "a tower of powers with signs in brackets": mdl(rate="(" + "^-".join(["1"] * 2000) + ")"),
    "a sum of twenty thousand terms": mdl(rate="+".join(["rate"] * 20_000)),
    "a dimension of a billion": mdl() + "d: (A1-A1000000000) ~ ~ |\n",
    "dimensions of each other": mdl() + "d: e ~ ~ |\ne: d ~ ~ |\n",
    "an unknown name": mdl(rate="rat"),
    "an unknown function": mdl(rate="EXPO(rate)"),
    "no equation": mdl(rate="x") + "x = ??? ~ ~ |\n",
}


@pytest.mark.parametrize("case", HOPELESS)
def test_a_hopeless_model_gets_one_line_soon(tmp_path, case):
    path = tmp_path / "model.mdl"
    path.write_text(HOPELESS[case])
    began = time.process_time()
    with pytest.raises(SDError) as caught:
        sd.simulate(sd.load(path))
    assert time.process_time() - began < 5
    message = str(caught.value)
    assert message.startswith("model.mdl") and "\n" not in message and len(message) < 300


def test_a_tower_of_powers_is_folded_in_floats_and_the_variable_named(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(mdl(rate="9^9^9^9^9"))
    with pytest.warns(sd.SDWarning, match="is inf at time 0"):
        sd.simulate(sd.load(path))


def test_a_misspelt_name_is_an_error_that_suggests_the_nearest(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(mdl(rate="rat"))
    with pytest.raises(SDError, match="unknown variable 'rat'; did you mean 'rate'"):
        sd.load(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.98])
def test_a_truncated_file_is_an_error_with_its_line(tmp_path, share):
    whole = XMILE.format(documentation="", units="", dimensions="")
    path = tmp_path / "model.xmile"
    path.write_text(whole[: int(len(whole) * share)])
    with pytest.raises(SDError) as caught:
        sd.load(path)
    assert caught.value.line is not None


def test_loading_and_running_write_no_file_beside_the_model(tmp_path):
    path = tmp_path / "model.mdl"
    path.write_text(mdl())
    use(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.mdl"]

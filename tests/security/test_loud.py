"""What gives a wrong answer in silence elsewhere is an error or a warning here."""

from __future__ import annotations

import warnings
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

import sdtheory as sd
from sdtheory.documents import Source, from_bytes
from sdtheory.errors import DocumentError, SDError, SDWarning
from sdtheory.experiments.experiment import Experiment

MODELS = Path(__file__).parents[2] / "models"
NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = {step} ~~|\nSAVEPER = {save} ~~|\n"
GROWTH = '<stock name="x"><eqn>1</eqn><inflow>f</inflow></stock><flow name="f"><eqn>x</eqn></flow>'


@pytest.fixture
def vensim(tmp_path):
    def write(*equations: str, step: str = "1", save: str = "TIME STEP", after: str = "") -> Path:
        path = tmp_path / "model.mdl"
        blocks = "".join(f"{equation} ~~|\n" for equation in equations)
        path.write_text(
            "{UTF-8}\n" + blocks + CONTROLS.format(step=step, save=save) + after, encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def xmile(tmp_path):
    def write(
        *elements: str, method: str = "", before: str = "", namespace: str = NAMESPACE, **variables
    ) -> Path:
        path = tmp_path / "model.xmile"
        plain = (f'<aux name="{name}"><eqn>{escape(text)}</eqn></aux>' for name, text in variables.items())
        path.write_text(
            f'{before}<xmile version="1.0" xmlns="{namespace}"><header/>\n'
            f"<sim_specs{method}><start>0</start><stop>2</stop><dt>1</dt></sim_specs>\n<model><variables>\n"
            + "\n".join((*elements, *plain))
            + "\n</variables></model></xmile>",
            encoding="utf-8",
        )
        return path

    return write


def loud(data: bytes, format: str) -> bool:
    """Whether bytes are refused, with a line where there is one, or loaded with a warning."""
    try:
        document = from_bytes(data, format=format, source=Source("model", "", len(data)))
        if any(note.code == "cut-off" for note in document.notes):
            return True  # of which loading warns, as the tests of settings below show
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sd.load(document)
    except SDError as error:
        return error.line is not None or not data.strip()
    return any(issubclass(one.category, SDWarning) for one in caught)


# ---------------------------------------------------------------- cut files


def test_an_xmile_file_cut_anywhere_is_an_error_with_its_line():
    data = (MODELS / "m0_seed.xmile").read_bytes()
    end = len(data.rstrip())
    tags = [place + 1 for place in range(end - 1) if data[place : place + 1] in b"<>"]
    for cut in sorted({*range(1, end, 29), *tags}):
        with pytest.raises(DocumentError) as caught:
            from_bytes(data[:cut], format="xmile")
        assert caught.value.line is not None


def test_a_vensim_file_cut_anywhere_is_an_error_or_a_warning_or_the_same_model():
    data = (MODELS / "m0_seed.mdl").read_bytes()
    whole = sd.load(from_bytes(data, format="vensim"))
    ends = [place + 1 for place in range(len(data)) if data[place : place + 1] == b"|"]
    marks = [data.index(mark) for mark in (b"\\\\\\---///", b"///---\\\\\\")]
    silent = set()
    for cut in sorted({*range(0, len(data), 13), *ends, *range(marks[1], len(data), 5)}):
        if not loud(data[:cut], "vensim"):
            assert sd.load(from_bytes(data[:cut], format="vensim")) == whole
            silent.add(cut)
    # behind the equations, and between the sketch and the settings: a file may well end there
    assert silent and min(silent) <= marks[0] + 5
    assert all(cut <= marks[0] + 5 or cut >= marks[1] for cut in silent)


@pytest.mark.parametrize("settings", ["", "15:", "15:0,0,0\n", "22:$,Dollar\n"])
def test_settings_that_name_no_method_are_told(vensim, settings):
    sketch = "\\\\\\---/// Sketch information\nV300\n*View 1\n$0\n///---\\\\\\\n:L\x7f<%^E!@\n"
    with pytest.warns(
        SDWarning, match=r"model\.mdl:\d+: the settings do not name a method, so Euler's is taken"
    ):
        sd.load(vensim("x = 1", after=sketch + settings))


@pytest.mark.parametrize(("word", "default"), [("INITIAL TIME", 0), ("FINAL TIME", 100), ("TIME STEP", 1)])
def test_a_setting_that_a_file_does_not_give_is_told(vensim, word, default):
    path = vensim("x = 1", save="1")
    path.write_text(path.read_text().replace(word, "something else"))
    with pytest.warns(SDWarning, match=f"the file gives no {word}; {default} is taken"):
        sd.load(path)


def test_an_xmile_file_without_settings_is_told(xmile):
    path = xmile(x="1")
    text = path.read_text()
    path.write_text(text[: text.index("<sim_specs>")] + text[text.index("</sim_specs>") + 12 :])
    with pytest.warns(SDWarning, match="the file gives no") as caught:
        sd.load(path)
    assert "model.xmile: the file gives no FINAL TIME; 100 is taken" in {str(one.message) for one in caught}


# ---------------------------------------------------------------- malformed files


def test_a_known_fault_of_xml_is_repaired_with_a_warning(xmile):
    path = xmile('<aux name="a"><doc>bread & butter</doc><eqn>1</eqn></aux>')
    with pytest.warns(SDWarning, match=r"model\.xmile:4: a bare '&' is read as '&amp;'"):
        assert sd.load(path)["a"].documentation == "bread & butter"
    with pytest.warns(SDWarning, match="a bare '&'"):
        sd.load(path)  # also from the cache


@pytest.mark.parametrize("wrong", ['<aux name="b"><eqn>1</aux></eqn>', "<aux name=b/>", "<aux", "</model>"])
def test_other_malformed_xml_is_an_error_with_its_place(xmile, wrong):
    with pytest.raises(DocumentError) as caught:
        sd.load(xmile('<aux name="a"><eqn>1</eqn></aux>', wrong))
    assert caught.value.line is not None and caught.value.column is not None


@pytest.mark.parametrize(("suffix", "place"), [("mdl", 10), ("xmile", None)])
def test_bytes_that_are_not_of_the_encoding_are_an_error_with_their_offset(tmp_path, xmile, suffix, place):
    path = tmp_path / f"model.{suffix}"
    if suffix == "mdl":
        path.write_bytes("{UTF-8}\nGröße = 1 ~~|\n".encode("cp1252"))
    else:
        path.write_bytes(xmile(Größe="1").read_text(encoding="utf-8").encode("cp1252"))
        place = path.read_bytes().index(b"Gr\xf6") + 2
    with pytest.raises(DocumentError, match=rf"byte {place} \(line \d+\) is not UTF-8"):
        sd.load(path)


def test_entities_are_refused(xmile):
    entity = '<!DOCTYPE xmile [<!ENTITY a "&#38;b;">]>'
    with pytest.raises(DocumentError, match="DOCTYPE and entities are not allowed in a model file"):
        sd.load(xmile('<aux name="x"><doc>&a;</doc><eqn>1</eqn></aux>', before=entity))


# ---------------------------------------------------------------- methods and settings


def test_rk4_is_integrated_as_rk4_and_other_methods_are_refused(xmile):
    run = sd.simulate(sd.load(xmile(GROWTH, method=' method="RK4"')))
    assert run["x"].iloc[-1] == pytest.approx((1 + 1 + 1 / 2 + 1 / 6 + 1 / 24) ** 2)
    with pytest.raises(SDError, match="integration method 'RK2' is not supported"):
        sd.load(xmile(GROWTH, method=' method="RK2"'))
    with pytest.raises(SDError, match="the reference engine integrates with Euler only"):
        sd.simulate(sd.load(xmile(GROWTH, method=' method="RK4"')), engine="reference")


@pytest.mark.parametrize("engine", ["auto", "vectorised", "compiled", "reference"])
def test_a_saveper_between_steps_is_an_error_with_the_nearest_values(vensim, engine):
    model = sd.load(vensim("x = INTEG(1, 0)", step="0.125", save="0.3"))
    with pytest.raises(
        SDError, match=r"SAVEPER 0\.3 is not a multiple of TIME STEP 0\.125; nearest: 0\.25 or 0\.375"
    ):
        sd.simulate(model, engine=engine)


@pytest.mark.parametrize("interval", ["-1", "nan", "often"])
def test_a_save_interval_that_is_none_is_an_error(xmile, interval):
    with pytest.raises(SDError, match=r"model\.xmile:2:\d+: the save interval is"):
        sd.load(xmile(x="1", method=f' save_interval="{interval}"'))


def test_a_file_of_the_old_namespace_is_read_and_not_empty(xmile):
    model = sd.load(xmile(GROWTH, namespace="http://www.systemdynamics.org/XMILE"))
    assert sd.simulate(model)["x"].tolist() == [1, 2, 4]


@pytest.mark.parametrize("step", ["1/2", "1/half", "half * 0.25 + 0"])
def test_a_time_step_that_is_computed_is_taken_as_it_is(vensim, step):
    run = sd.simulate(sd.load(vensim("half = 2", "x = INTEG(1, 0)", step=step)))
    assert run.index.tolist() == [0, 0.5, 1, 1.5, 2]


# ---------------------------------------------------------------- names and variables


def test_connections_of_modules_are_bound_and_wrong_ones_refused(xmile):
    module = '<module name="m"><connect to="i" from="{}"/></module>'
    inner = '<model name="m"><variables><aux name="i" access="input"><eqn>0</eqn></aux></variables></model>'

    def load(origin):
        path = xmile(module.format(origin), a="7", b="m.i")
        path.write_text(path.read_text().replace("</xmile>", inner + "</xmile>"))
        return sd.load(path)

    assert sd.simulate(load("a"))["b"].iloc[0] == 7
    with pytest.raises(SDError, match="module 'm' connects 'nothing', which does not exist"):
        load("nothing")


@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
def test_two_names_that_are_one_are_an_error_of_check_and_a_warning_of_load(vensim, xmile, suffix):
    path = vensim("a b = 1", "A_B = 2") if suffix == "mdl" else xmile(**{"a b": "1", "A_B": "2"})
    assert ("error", "duplicate-name") in {(issue.severity, issue.code) for issue in sd.check(path)}
    with pytest.warns(SDWarning, match="declared"):
        sd.load(path)


@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
def test_a_name_of_a_function_is_an_error_of_check(vensim, xmile, suffix):
    path = vensim("max = 1") if suffix == "mdl" else xmile(max="1")
    issue = next(issue for issue in sd.check(path) if issue.severity == "error")
    assert issue.message == "'max' is the name of a function; rename the variable" and issue.line


def test_a_variable_that_is_declared_but_not_understood_is_listed(vensim, monkeypatch):
    from sdtheory.translate import pysd_reader

    read = pysd_reader.abstract_model

    def forgetful(document):
        found = read(document)
        found.sections[0].elements = tuple(
            one for one in found.sections[0].elements if one.name not in ("b", "c")
        )
        return found

    monkeypatch.setattr(pysd_reader, "abstract_model", forgetful)
    with pytest.raises(SDError, match=r"model\.mdl: 2 variables were not understood: 'b', 'c'"):
        sd.load(vensim("a = 1", "b = 2", "c = 3"))


def test_a_misspelt_constant_is_an_error_with_the_nearest_name(vensim):
    model = sd.load(vensim("alpha = 1", "x = alpha"))
    for run in (
        lambda: sd.simulate(model, {"alfa": 2}),
        lambda: sd.simulate(model, {"alfa": 2}, engine="reference"),
        lambda: sd.simulate_many(model, {"alfa": [2]}, outputs=["x"]),
        lambda: sd.simulate(model, outputs=["alfa"]),
    ):
        with pytest.raises(SDError, match="unknown variable 'alfa'; did you mean 'alpha'"):
            run()


# ---------------------------------------------------------------- numbers


def test_a_stock_that_is_not_finite_is_named_with_time_and_run(vensim):
    model = sd.load(vensim("k = 1", "x = INTEG(1 / (k - Time), 1)"))
    for engine in ("vectorised", "compiled"):
        with pytest.warns(SDWarning, match="the run diverged: .*x.* is inf at time 1"):
            run = sd.simulate(model, engine=engine)
        assert run.attrs["status"] == "diverged" and np.isnan(run["x"].iloc[-1])
        many = sd.simulate_many(model, {"k": [5, 1]}, outputs=["x"], engine=engine)
        assert many["status"].values.tolist() == ["ok", "diverged"]
        assert "time 1" in many["message"].values[1] and not many["message"].values[0]


@pytest.mark.parametrize("engine", ["vectorised", "compiled", "reference"])
def test_an_infinite_value_that_reaches_no_stock_is_named_too(vensim, engine):
    model = sd.load(vensim("x = INTEG(1, 0)", "y = EXP(1000 * Time)"))
    with pytest.warns(SDWarning, match='"y" is inf at time 1'):
        sd.simulate(model, engine=engine)


@pytest.mark.filterwarnings("ignore:8 futures x 2 policies")
def test_every_statistic_says_how_many_runs_it_rests_on(tmp_path, vensim):
    model = sd.load(vensim("k = 1", "boost = 0", "x = INTEG(1 / (k - 1) + boost, 1)"))
    (tmp_path / "e.toml").write_text(
        "[uncertainty]\nk = { distribution = 'discrete', values = [1, 2] }\n[sampling]\nruns = 8\n"
        "[[policy]]\nname = 'p'\nset = { boost = 1 }\n"
        "[[metric]]\nname = 'm'\nvariable = 'x'\nbetter = 'lower'\n"
    )
    comparison = sd.compare(model, Experiment.read(tmp_path / "e.toml"))
    table = comparison.table()
    assert (table["valid"] == 4).all() and (table["diverged"] == 4).all()
    assert (comparison.differences()["valid"] == 4).all()
    assert (comparison.regret()["valid"] == 4).all()
    assert "8 diverged" in comparison.summary()


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("none.csv", "A1", "the data file 'none.csv' does not exist"),
        ("data.csv", "B1", "'data.csv', cell 'B1' cannot be read: 'B1' is empty"),
        ("data.csv", "A2", "'data.csv', cell 'A2' cannot be read: 'A2' holds something that is no number"),
    ],
)
def test_a_data_file_that_is_missing_or_a_cell_without_a_number_is_an_error(
    vensim, tmp_path, name, cell, message
):
    (tmp_path / "data.csv").write_text("1,\nn.n.,2\n")
    with pytest.raises(SDError, match=message) as caught:
        sd.load(vensim(f"x = GET DIRECT CONSTANTS('{name}', ',', '{cell}')"))
    assert caught.value.line == 2

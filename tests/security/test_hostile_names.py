"""Names of macros, modules and ranges, arguments of data functions, comments and banners are never run."""

from __future__ import annotations

import builtins
from xml.sax.saxutils import escape, quoteattr

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

CANARY = "sdtheory_canary_of_names"
CODE = f"__import__('builtins').__setattr__('{CANARY}', 1)"
PAYLOADS = [
    CODE,
    f'"""\n{CODE}\n"""',
    f"''' + str({CODE}) + '''",
    f"'] = {CODE} #",
    f"x'): {CODE} #",
    f"{{{CODE}}}",
    f"(lambda: {CODE})()",
    "../../setup",
    "numpy",
    "__init__",
    "\\",
    "%s {0} \x1b[31m",
    "\u202eevil\u2028next",
]
CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 1 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"


MACRO_END = ":END OF MACRO:\n"
# PLAIN is the payload without the signs that end a block, QUOTED the payload as a quoted name, TEXT as it is
VENSIM = {
    "the name of a macro": f":MACRO: PLAIN(a)\nPLAIN = a ~~|\n{MACRO_END}x = PLAIN(1) ~~|\n",
    "the quoted name of a macro": f":MACRO: QUOTED(a)\nQUOTED = a ~~|\n{MACRO_END}x = QUOTED(1) ~~|\n",
    "a parameter of a macro": f":MACRO: M(QUOTED)\nM = QUOTED * 2 ~~|\n{MACRO_END}x = M(1) ~~|\n",
    "a variable of a macro": f":MACRO: M(a)\nM = QUOTED * a ~~|\nQUOTED = 2 ~~|\n{MACRO_END}x = M(1) ~~|\n",
    "a range": "QUOTED: one, two ~~|\nx[QUOTED] = 1, 2 ~~|\ny = SUM(x[QUOTED!]) ~~|\n",
    "an element": "d: QUOTED, two ~~|\nx[d] = 1, 2 ~~|\ny = x[QUOTED] ~~|\n",
    "a mapping": "d: one, two -> (QUOTED: b, a) ~~|\nQUOTED: a, b ~~|\nx[d] = 1, 2 ~~|\ny[QUOTED] = x[d] ~~|\n",
    "an alias": "d: one, two ~~|\nQUOTED <-> d ~~|\nx[QUOTED] = 1 ~~|\n",
    "an exception": "d: QUOTED, two ~~|\nx[d] :EXCEPT: [QUOTED] = 1 ~~|\nx[QUOTED] = 2 ~~|\n",
    "a data file": "x = GET DIRECT CONSTANTS('TEXT.csv', ',', 'A1') ~~|\n",
    "a sheet": "x = GET XLS CONSTANTS('data.xlsx', 'TEXT', 'A1') ~~|\n",
    "a separator": "x = GET DIRECT CONSTANTS('data.csv', 'TEXT', 'A1') ~~|\n",
    "a cell": "x = GET DIRECT CONSTANTS('data.csv', ',', 'TEXT') ~~|\n",
    "a row of times": "x := GET DIRECT DATA('data.csv', ',', 'TEXT', 'A1') ~~|\n",
    "a prefix": "d: GET DIRECT SUBSCRIPT('names.csv', ',', 'A1', 'A2', 'TEXT') ~~|\nx[d] = 1, 2 ~~|\n",
    "a text in an equation": "x = MAX('TEXT', 1) ~~|\n",
    "a comment": "x = 1 { PLAIN } + 1 ~~|\n",
    "the banner of a group": "***\n\t.PLAIN\n***~\n\t\tPLAIN\n\t|\nx = 1 ~~|\n",
}
NEED_A_FILE = ("a data file", "a sheet", "a separator", "a cell", "a row of times", "a text in an equation")
# the name of the variable, its equation, and what stands behind the model; here PLAIN is an attribute's text
XMILE = {
    "a variable": ("PLAIN", "2", ""),
    "the name of a macro": ("x", "QUOTED(1)", "<macro name=PLAIN><parm>a</parm><eqn>a</eqn></macro>"),
    "a parameter of a macro": (
        "x",
        "m(1)",
        '<macro name="m"><parm>QUOTED</parm><eqn>QUOTED * 2</eqn></macro>',
    ),
    "the name of a module": (
        "x",
        "QUOTED.i",
        '<model name=PLAIN><variables><aux name="i"><eqn>0</eqn></aux></variables></model>',
    ),
}


def quoted(text: str) -> str:
    """The text as a quoted name."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def vensim(place: str, payload: str) -> str:
    plain = payload.replace("~", "").replace("|", "")
    text = VENSIM[place].replace("QUOTED", quoted(payload)).replace("PLAIN", plain).replace("TEXT", payload)
    return "{UTF-8}\n" + text + CONTROLS


def xmile(place: str, payload: str) -> str:
    payload = payload.replace("\x1b", "")  # XML does not allow it
    name, equation, after = (
        text.replace("QUOTED", escape(quoted(payload))).replace("PLAIN", quoteattr(payload))
        for text in XMILE[place]
    )
    name = name if name.startswith(('"', "'")) else quoteattr(name)
    return (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>1</stop><dt>1</dt></sim_specs>"
        + DIMENSIONS.format(quoteattr(payload))
        + f"<model><variables><aux name={name}><eqn>{equation}</eqn></aux></variables></model>{after}</xmile>"
    )


DIMENSIONS = '<dimensions><dim name={0}><elem name={0}/><elem name="two"/></dim></dimensions>'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The canary never appears, and nothing is new in the folder or changed in its files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("1,2\n3,4\n")
    (tmp_path / "names.csv").write_text("one\ntwo\n")
    (tmp_path / "m0.py").write_text("mine = True\n")
    yield tmp_path
    assert not hasattr(builtins, CANARY)
    assert {path.name for path in tmp_path.iterdir()} <= {
        "data.csv",
        "names.csv",
        "m0.py",
        "model.mdl",
        "model.xmile",
    }
    assert (tmp_path / "m0.py").read_text() == "mine = True\n"


def use(path) -> None:
    """Load, from the cache too, and run on both engines; an error is one line without control characters."""
    for _ in range(2):
        try:
            model = sd.load(path)
        except SDError as error:
            message = str(error)
            assert message.startswith("model.") and message.isprintable() and len(message) < 500
            continue
        for engine in ("vectorised", "reference"):
            try:
                sd.simulate(model, engine=engine)
            except SDError as error:
                assert str(error).isprintable()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", VENSIM)
def test_text_of_a_vensim_file_is_never_run(folder, place, payload):
    (folder / "model.mdl").write_text(vensim(place, payload), encoding="utf-8")
    use(folder / "model.mdl")


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", XMILE)
def test_text_of_an_xmile_file_is_never_run(folder, place, payload):
    (folder / "model.xmile").write_text(xmile(place, payload), encoding="utf-8")
    use(folder / "model.xmile")


@pytest.mark.parametrize("name", ["harmless", "a b", "x[0]; y #", "numpy", "os.path", "lambda: 1"])
@pytest.mark.parametrize(
    ("suffix", "place"),
    [
        *(("mdl", place) for place in VENSIM if place not in NEED_A_FILE),
        *(("xmile", place) for place in XMILE),
    ],
)
def test_a_strange_name_is_numbered_and_not_refused(folder, suffix, place, name):
    if place == "the name of a macro" and suffix == "mdl" and not name.isidentifier():
        pytest.skip("needs quotes")
    path = folder / f"model.{suffix}"
    path.write_text((vensim if suffix == "mdl" else xmile)(place, name), encoding="utf-8")
    model = sd.load(path)
    for engine in ("vectorised", "reference"):
        sd.simulate(model, engine=engine)

"""Nothing that a user wrote reaches generated code: names are numbers, and the rest is on a fixed list."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysd.translators.structures import abstract_expressions as ae
from pysd.translators.structures import abstract_model as am

import sdtheory as sd
from sdtheory.engines.reference import _module_of
from sdtheory.errors import SDError
from sdtheory.model.expression import Binary, Call, Name, Number, Table
from sdtheory.translate.codec import Codec
from sdtheory.translate.translation import abstract_codec

CODEC = abstract_codec()


def written(vensim, xmile, data: Path, language: str) -> Path:
    """A file that has a word of its own, beginning with ``zq``, in every place that takes text."""
    (data / "zqdata.csv").write_text("time,zqhead\n0,1\n2,3\n")
    if language == "vensim":
        return vensim(
            "zqdim: zqone, (zqnum1 - zqnum3) -> (zqother: zqa, zqb, zqc, zqd)",
            "zqother: zqa, zqb, zqc, zqd",
            "zqalias <-> zqother",
            "zqarray[zqdim] = 1, 2, 3, 4",
            "zqpart[zqdim] :EXCEPT: [zqone] = zqarray[zqdim]",
            "zqpart[zqone] = SUM(zqarray[zqdim!]) {zqcomment}",
            "zqtable((0,0),(1,1))",
            "zqstock = INTEG(zqtable(zqstock) + zqmacro(2), zqarray[zqone])",
            "zqread := GET DIRECT DATA('zqdata.csv', ',', 'A', 'B2')",
            "\"zq quoted 'name'\" = WITH LOOKUP(zqread, ((0,0),(1,1)))",
            before=":MACRO: ZQMACRO(zqparameter)\nZQMACRO = zqparameter * zqlocal ~zqu~zqd|\nzqlocal = 2 ~~|\n"
            ":END OF MACRO:\nzqunits = 1 ~ zqunit [0, 5, zqrange] ~ zqdocumentation ~ :SUPPLEMENTARY |\n",
            after="***\n\t.zqgroup\n***~\n\t\tzqgroupdoc\n\t|\n",
        )
    dimensions = '<dimensions><dim name="zqdim"><elem name="zqone"/><elem name="zqtwo"/></dim></dimensions>'
    return xmile(
        '<aux name="zqarray"><dimensions><dim name="zqdim"/></dimensions><eqn>{zqcomment} 3</eqn></aux>'
        '<module name="zqmodule"><connect to="zqmodule.zqinput" from="zqplain"/></module>',
        '<stock name="zqstock"><doc>zqdoc</doc><units>zqunit</units><eqn>SUM(zqarray[*])</eqn>'
        "<inflow>zqflow</inflow></stock>",
        '<flow name="zqflow"><eqn>zqmacro(zqstock)</eqn></flow><gf name="zqtable"><xpts>0,1</xpts>'
        "<ypts>0,1</ypts></gf>",
        zqplain="zqarray[zqone] + zqtable(0.5)",
        dimensions=dimensions,
        after='<model name="zqmodule"><variables><aux name="zqinput" access="input"><eqn>0</eqn></aux>'
        '</variables></model><macro name="zqmacro"><parm>zqparameter</parm><eqn>zqparameter * zqlocal</eqn>'
        '<variables><aux name="zqlocal"><eqn>2</eqn></aux></variables></macro>',
    )


@pytest.mark.parametrize("language", ["vensim", "xmile"])
def test_no_word_of_a_file_is_in_what_the_reference_engine_builds_from(vensim, xmile, tmp_path, language):
    model = sd.load(written(vensim, xmile, tmp_path, language))
    assert "zq" not in model.translation.encoded.casefold()
    run = sd.simulate(model, engine="reference")
    assert any("zqarray" in name for name in run.columns)
    for module in _module_of(model).parent.glob("*.py"):
        assert "zq" not in module.read_text(encoding="utf-8").casefold()


def test_what_is_kept_of_a_translation_is_json_of_a_fixed_list(vensim, xmile, tmp_path):
    model = sd.load(written(vensim, xmile, tmp_path, "vensim"))
    assert json.loads(model.translation.encoded)[0] == "AbstractModel"
    assert CODEC.encode(model.translation.abstract) == model.translation.encoded


@dataclasses.dataclass
class UnknownStructure:
    argument: object


class Sub(str):
    pass


BAD = [
    "os.system",
    "__import__",
    "v1; x",
    "v1\n",
    "v",
    "v٣",
    "../m1.py",
    "m1.pyc",
    "e1!!",
    Sub("v1"),
    b"v1",
    math.inf,
    -math.inf,
    np.inf,
    2**53 + 1,
    -(10**400),
    np.array(["v1"]),
    np.array([None]),
    np.array([math.inf]),
    {"x y": 1.0},
    {1.0, 2.0},
    UnknownStructure(1.0),
    ae.GetDataStructure("v1", "v1", "v1", "v1"),
    am.AbstractTestInput("v1", ([], []), "v1"),
    Path("v1"),
    len,
    float,
    1j,
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize(
    "inside",
    [
        lambda bad: bad,
        lambda bad: ae.ArithmeticStructure(["+"], (1.0, bad)),
        lambda bad: ae.ReferenceStructure(bad, None),
        lambda bad: ae.SubscriptsReferenceStructure(["d0", bad]),
        lambda bad: am.AbstractElement("v0", [am.AbstractComponent(([], []), bad)]),
    ],
)
def test_what_is_not_on_the_list_is_an_error_not_a_pass(bad, inside):
    with pytest.raises(SDError):
        CODEC.encode(inside(bad))


@pytest.mark.parametrize(
    "text",
    [
        '"os.system"',
        '["Path","model.py"]',
        '["eval","1"]',
        '["GetDataStructure","v1","v1","v1","v1"]',
        '["GameStructure"]',
        '["GameStructure",1.0,2.0]',
        '["GameStructure","x y"]',
        "1e999",
        "-Infinity",
        '[".","inf"]',
        '[".","1"]',
        '["#",[2],[1.0]]',
        '["#",[1],["v1"]]',
        '["{","v1"]',
        "[]",
        "[null]",
        '{"a":1}',
        "9007199254740993",
        "[" * 100_000,
        "",
    ],
)
def test_what_is_not_on_the_list_is_an_error_when_read_back(text):
    with pytest.raises(SDError):
        CODEC.decode(text)


numbers = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.booleans() | st.none()
texts = st.text(max_size=8)
trees = st.recursive(
    st.builds(Number, st.floats(allow_nan=False)) | st.builds(Name, texts, st.lists(texts).map(tuple)),
    lambda inner: (
        st.builds(Binary, st.sampled_from("+-*/^"), inner, inner)
        | st.builds(Call, texts, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=30,
)
values = st.recursive(
    numbers | texts | trees | st.builds(Table, st.just((0.0, 1.0)), st.just((1.0, 2.0))),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=20,
)
PLAIN = Codec({one.__name__: one for one in (Number, Name, Binary, Call, Table)})


@given(values)
def test_a_value_comes_back_from_json_equal_and_of_the_same_types(value):
    again = PLAIN.decode(PLAIN.encode(value))
    assert again == value
    assert repr(again) == repr(value)


def test_missing_numbers_and_arrays_come_back(vensim):
    array = np.array([[1.0, math.nan], [3.0, -0.0]])
    again = CODEC.decode(CODEC.encode((array, math.nan)))
    np.testing.assert_array_equal(again[0], array)
    assert math.copysign(1, again[0][1, 1]) == -1 and math.isnan(again[1])

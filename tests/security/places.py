"""Every place of a file that takes text, with a file around it for each.

In a template ``PLAIN`` stands for the text as the place can hold it, ``QUOTED`` for the text as a quoted name.
"""

from __future__ import annotations

import json
import re
from xml.sax.saxutils import escape, quoteattr

CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = TIME STEP ~~|\n"
END = ":END OF MACRO:\n"
_VIEW = (
    "V300  Do not put anything below this section - it will be ignored\n*{view}\n"
    "${font},0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0\n"
    "10,1,{name},100,100,40,20,3,3,0,0,0,0,0,0\n10,2,s,200,100,40,20,3,3,0,0,0,0,0,0\n"
    "1,3,1,2,0,0,0,0,0,64,0,-1--1--1,,1|(150,100)|\n12,4,0,300,100,40,20,8,4,0,0,-1,0,0,0\n{text}\n"
    "///---\\\\\\\n:L<%^E!@\n1:{settings}\n22:{unit}\n15:0,0,0,0,0,0\n19:100,0\n"
)


def _sketch(**parts: str) -> str:
    known = {"view": "View 1", "font": "192-192-192", "name": "x", "text": "a text", "settings": "a.vdf"}
    known |= {"unit": "Year,Years"} | parts
    text = _VIEW
    for part, value in known.items():
        text = text.replace(f"{{{part}}}", value)
    return "x = 1 ~~|\ns = INTEG(x, 0) ~~|\n" + CONTROLS + "\\\\\\---/// Sketch information\n" + text


VENSIM = {
    "documentation": "x = 1 ~ Dmnl ~ PLAIN |\ns = INTEG(x, x) ~~ PLAIN |\n",
    "documentation of the clock": "x = 1 ~~|\nINITIAL TIME = 0 ~ Year ~ PLAIN |\n",
    "units": "x = 1 ~ PLAIN ~|\ns = INTEG(x, x) ~ PLAIN ~|\n",
    "the least of a range": "x = 1 ~ Dmnl [PLAIN, 5] ~|\n",
    "the step of a range": "x = 1 ~ Dmnl [0, 5, PLAIN] ~|\n",
    "the banner of a group": "***\n\t.PLAIN\n***~\n\t\tPLAIN\n\t|\nx = 1 ~~|\n",
    "the mark of a group": "x = 1 ~~~ :GROUP .PLAIN |\n",
    "a flag": "x = 1 ~~ :SUPPLEMENTARY PLAIN |\n",
    "a comment": "x = 1 { PLAIN } + 1 ~~|\n",
    "the header": "{PLAIN}\nx = 1 ~~|\n",
    "the name of a view": _sketch(view="PLAIN"),
    "a name in a view": _sketch(name="PLAIN"),
    "a text in a view": _sketch(text="PLAIN"),
    "the font of a view": _sketch(font="PLAIN"),
    "a line of the settings": _sketch(settings="PLAIN"),
    "an alias of a unit": _sketch(unit="PLAIN"),
    "a variable": "PLAIN = 2 ~~|\nx = PLAIN ~~|\n",
    "the quoted name of a variable": "QUOTED = 2 ~~|\nx = QUOTED ~~|\ns = INTEG(QUOTED, QUOTED) ~~|\n",
    "a stock": "QUOTED = INTEG(1, 1) ~~|\ny = SMOOTH(QUOTED, 2) + DELAY3(QUOTED, 2) ~~|\n",
    "an equation": "x = PLAIN ~~|\n",
    "the equation of the clock": "x = 1 ~~|\nTIME STEP = PLAIN ~~|\n",
    "an unfinished equation": "x = A FUNCTION OF(QUOTED) ~~|\nQUOTED = 1 ~~|\n",
    "a constraint": "x = 1 ~~|\nc :THE CONDITION: QUOTED > 0 :IMPLIES: x > 0 ~~|\nQUOTED = 1 ~~|\n",
    "a test input": "x = 1 ~~|\nt :TEST INPUT: QUOTED = 1 ~~|\nQUOTED = 1 ~~|\n",
    "a range": "QUOTED: one, two ~~|\nx[QUOTED] = 1, 2 ~~|\ny = SUM(x[QUOTED!]) ~~|\n",
    "a range without quotes": "PLAIN: one, two ~~|\nx[PLAIN] = 1, 2 ~~|\n",
    "a numbered range": "d: (PLAIN1-PLAIN3) ~~|\nx[d] = 1, 2, 3 ~~|\n",
    "an element": "d: QUOTED, two ~~|\nx[d] = 1, 2 ~~|\ny = x[QUOTED] ~~|\n",
    "a mapping": "d: one, two -> (QUOTED: b, a) ~~|\nQUOTED: a, b ~~|\nx[d] = 1, 2 ~~|\ny[QUOTED] = x[d] ~~|\n",
    "an alias": "d: one, two ~~|\nQUOTED <-> d ~~|\nx[QUOTED] = 1 ~~|\n",
    "an exception": "d: QUOTED, two ~~|\nx[d] :EXCEPT: [QUOTED] = 1 ~~|\nx[QUOTED] = 2 ~~|\n",
    "the name of a macro": f":MACRO: PLAIN(a)\nPLAIN = a ~~|\n{END}x = PLAIN(1) ~~|\n",
    "the quoted name of a macro": f":MACRO: QUOTED(a)\nQUOTED = a ~~|\n{END}x = QUOTED(1) ~~|\n",
    "a parameter of a macro": f":MACRO: M(QUOTED)\nM = QUOTED * 2 ~~|\n{END}x = M(1) ~~|\n",
    "a variable of a macro": f":MACRO: M(a)\nM = QUOTED * a ~~|\nQUOTED = 2 ~~ PLAIN |\n{END}x = M(1) ~~|\n",
    "a function": "x = PLAIN(1) ~~|\n",
    "the quoted name of a function": "x = QUOTED(1) ~~|\ns = INTEG(x, QUOTED(1)) ~~|\n",
    "a lookup": "QUOTED((0,0),(1,1)) ~~|\nx = QUOTED(0.5) ~~|\n",
    "the limits of a lookup": "x = WITH LOOKUP(Time, ([PLAIN or (0,0),(1,1)],(0,0),(1,1))) ~~|\n",
    "a limit of a lookup": "t([(PLAIN,0)-(1,1)],(0,0),(1,1)) ~~|\nx = t(Time) ~~|\n",
    "a point of a lookup": "x = WITH LOOKUP(Time, ((PLAIN,0),(1,1))) ~~|\n",
    "a data file": "x = GET DIRECT CONSTANTS('PLAIN.csv', ',', 'A1') ~~|\n",
    "a sheet": "x = GET XLS CONSTANTS('data.xlsx', 'PLAIN', 'A1') ~~|\n",
    "a separator": "x = GET DIRECT CONSTANTS('data.csv', 'PLAIN', 'A1') ~~|\n",
    "a cell": "x = GET DIRECT CONSTANTS('data.csv', ',', 'PLAIN') ~~|\n",
    "a row of times": "x := GET DIRECT DATA('data.csv', ',', 'PLAIN', 'A1') ~~|\n",
    "a prefix": "d: GET DIRECT SUBSCRIPT('names.csv', ',', 'A1', 'A2', 'PLAIN') ~~|\nx[d] = 1, 2 ~~|\n",
    "a text in an equation": "x = MAX('PLAIN', 1) ~~|\n",
    "data": "QUOTED ~~|\nx = QUOTED ~~|\n",
}

_NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
_SIM = "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>"
_X = '<aux name="x"><eqn>1</eqn></aux>'


def _xmile(variables: str = _X, *, header: str = "<header/>", before: str = "", specs: str = _SIM,
           views: str = "", after: str = "", root: str = "", model: str = "") -> str:  # fmt: skip
    return (
        f'<xmile version="1.0" xmlns="{_NAMESPACE}" xmlns:isee="http://iseesystems.com/XMILE"{root}>{header}'
        f"{specs}{before}<model{model}><variables>{variables}</variables>{views}</model>{after}</xmile>"
    )


def _aux(equation: str, name: str = '"x"', inside: str = "") -> str:
    return f"<aux name={name}>{inside}<eqn>{equation}</eqn></aux>"


def _stock(inside: str) -> str:
    return f'<stock name="s"><eqn>1</eqn>{inside}</stock>'


def _dimension(name: str = '"d"', first: str = '"one"') -> str:
    return f'<dimensions><dim name={name}><elem name={first}/><elem name="two"/></dim></dimensions>'


def _macro(name: str = '"m"', parameter: str = "a", equation: str = "a") -> str:
    return f"<macro name={name}><parm>{parameter}</parm><eqn>{equation}</eqn></macro>"


def _view(inside: str, name: str = "") -> str:
    return f"<views><view{name}>{inside}</view></views>"


_OVER = "<dimensions><dim name={}/></dimensions>"
_MODULE = "<module name=ATTRIBUTE><connect to=ATTRIBUTE from=ATTRIBUTE/></module>"
_INNER = '<model name=ATTRIBUTE><variables><aux name="i"><eqn>0</eqn></aux></variables></model>'
_HEADER = (
    "<vendor>ELEMENT</vendor><product version=ATTRIBUTE lang=ATTRIBUTE>ELEMENT</product><name>ELEMENT</name>"
    "<uuid>ELEMENT</uuid><author>ELEMENT</author>"
    "<options namespace=ATTRIBUTE><uses_arrays>ELEMENT</uses_arrays></options>"
)
_UNIT = "<unit name=ATTRIBUTE><eqn>ELEMENT</eqn><alias>ELEMENT</alias></unit>"
_TABLE = '<gf name=ATTRIBUTE><xscale min="0" max="1"/><ypts>0,1</ypts></gf>'
_POINTS = '<gf type=ATTRIBUTE><xscale min=ATTRIBUTE max="1"/><ypts sep=ATTRIBUTE>ELEMENT</ypts></gf>'


def _specs(attributes: str) -> str:
    return _SIM.replace("<sim_specs>", f"<sim_specs {attributes}>")


# ATTRIBUTE stands for the text as an attribute's value with its quotes, ELEMENT for it as an element's text
XMILE = {
    "documentation": _xmile(_stock("<doc>ELEMENT</doc>") + _aux("1", inside="<doc>ELEMENT</doc>")),
    "documentation in CDATA": _xmile(_stock("<doc><![CDATA[CDATA]]></doc>")),
    "units": _xmile(_stock("<units>ELEMENT</units>")),
    "a range": _xmile(_stock("<range min=ATTRIBUTE max=ATTRIBUTE/><scale min=ATTRIBUTE/>")),
    "a format": _xmile(_stock("<format precision=ATTRIBUTE display_as=ATTRIBUTE/>")),
    "a non-negative stock": _xmile(_stock("<non_negative>ELEMENT</non_negative>")),
    "an inflow": _xmile(_stock("<inflow>ELEMENT</inflow>")),
    "the way of access": _xmile('<aux name="x" access=ATTRIBUTE><eqn>1</eqn></aux>'),
    "an attribute of a vendor": _xmile('<aux name="x" isee:evil=ATTRIBUTE><eqn>1</eqn></aux>'),
    "an element of a vendor": _xmile(_X + "<isee:evil a=ATTRIBUTE>ELEMENT</isee:evil>"),
    "a group": _xmile(_X + "<group name=ATTRIBUTE><doc>ELEMENT</doc><entity name=ATTRIBUTE/></group>"),
    "the header": _xmile(header=f"<header>{_HEADER}</header>"),
    "a unit": _xmile(before=f"<model_units>{_UNIT}</model_units>"),
    "the method": _xmile(specs=_specs("method=ATTRIBUTE")),
    "the unit of time": _xmile(specs=_specs("time_units=ATTRIBUTE isee:x=ATTRIBUTE")),
    "the clock": _xmile(specs=_SIM.replace("<dt>1", "<dt>ELEMENT")),
    "the interval of saving": _xmile(specs=_specs("isee:save_interval=ATTRIBUTE")),
    "behaviour": _xmile(before="<behavior><stock><non_negative>ELEMENT</non_negative></stock></behavior>"),
    "data": _xmile(before='<data><import type="CSV" resource=ATTRIBUTE worksheet=ATTRIBUTE/></data>'),
    "a style": _xmile(before="<style color=ATTRIBUTE><aux background=ATTRIBUTE/></style>"),
    "the name of a view": _xmile(
        views=_view('<aux name="x" x="1" y="1" label_side=ATTRIBUTE/>', " name=ATTRIBUTE")
    ),
    "a name in a view": _xmile(views=_view('<aux name=ATTRIBUTE x="1" y="1"/>')),
    "a text in a view": _xmile(views=_view('<text_box x=ATTRIBUTE y="1">ELEMENT</text_box>')),
    "a connector": _xmile(
        views=_view("<connector angle=ATTRIBUTE><from>ELEMENT</from><to>x</to></connector>")
    ),
    "an instruction": _xmile(before="<?evil INSTRUCTION?>"),
    "a comment": _xmile(before="<!-- INSTRUCTION -->"),
    "a namespace": _xmile(root=" xmlns:evil=ATTRIBUTE"),
    "an attribute of the root": _xmile(root=" evil=ATTRIBUTE"),
    "the declaration": '<?xml version="1.0" encoding=ATTRIBUTE?>' + _xmile(),
    "the name of the model": _xmile(model=" name=ATTRIBUTE"),
    "a variable": _xmile(_aux("2", "ATTRIBUTE") + _aux("QUOTED")),
    "a stock": _xmile("<stock name=ATTRIBUTE><eqn>2</eqn></stock>" + _aux("SMTH3(QUOTED, 2)")),
    "an equation": _xmile(_aux("ELEMENT")),
    "an initial value": _xmile(_aux("1", inside="<init_eqn>ELEMENT</init_eqn>")),
    "a comment in an equation": _xmile(_aux("1 {ELEMENT}")),
    "a function": _xmile(_aux("QUOTED(1)")),
    "a dimension": _xmile(_aux("2", inside=_OVER.format("ATTRIBUTE")), before=_dimension("ATTRIBUTE")),
    "the size of a dimension": _xmile(
        _aux("2", inside=_OVER.format('"d"')),
        before='<dimensions><dim name="d" size=ATTRIBUTE/></dimensions>',
    ),
    "an element": _xmile(_aux("2", inside=_OVER.format('"d"')), before=_dimension(first="ATTRIBUTE")),
    "a subscript": _xmile(
        _aux("1", inside=_OVER.format('"d"') + "<element subscript=ATTRIBUTE><eqn>1</eqn></element>"),
        before=_dimension(first="ATTRIBUTE"),
    ),
    "the name of a macro": _xmile(_aux("QUOTED(1)"), after=_macro("ATTRIBUTE")),
    "a parameter of a macro": _xmile(_aux("m(1)"), after=_macro(parameter="QUOTED", equation="QUOTED * 2")),
    "the equation of a macro": _xmile(_aux("m(1)"), after=_macro(equation="ELEMENT")),
    "a module": _xmile(_MODULE + _aux("QUOTED.i"), after=_INNER),
    "a lookup": _xmile(_TABLE + _aux("QUOTED(0.5)")),
    "the points of a lookup": _xmile(_aux("TIME", inside=_POINTS)),
}

_OF_METRIC = "variable = 'capability'\nat = 1.0\nbetter = 'higher'\n"
# KEY stands for the text as a key, TEXT for it as a value
TOML = {
    "the title": "title = TEXT\nmodel = TEXT\n",
    "a key": "KEY = 1\n",
    "an included file": "include = [TEXT]\n",
    "a policy": "[[policy]]\nname = TEXT\ndescription = TEXT\nset = { researchers = 0.2 }\n",
    "what a policy sets": "[[policy]]\nname = 'a'\nset = { KEY = 0.2 }\n",
    "what a policy changes": "[[policy]]\nname = 'a'\n[[policy.change]]\nvariable = TEXT\nstep = { by = 1, at = 1 }\n",
    "an uncertainty": "[uncertainty]\nKEY = { distribution = 'uniform', low = 0.0, high = 1.0 }\n",
    "a distribution": "[uncertainty]\nresearchers = { distribution = TEXT, low = 0.0, high = 1.0, source = TEXT }\n",
    "a quantity that is derived": "[derived]\nKEY = '1'\n",
    "a formula": "[derived]\nresearchers = TEXT\n",
    "sampling": "[sampling]\nmethod = TEXT\n",
    "a correlation": "[[correlation]]\nvariables = [TEXT, 'researchers']\nvalue = 0.5\n",
    "a fixed quantity": "[fixed]\nKEY = { value = 1.0, source = TEXT }\n",
    "the name of a metric": "[[metric]]\nname = TEXT\ndescription = TEXT\n" + _OF_METRIC,
    "the variable of a metric": "[[metric]]\nname = 'a'\nvariable = TEXT\nat = 1\nbetter = 'lower'\n",
    "the formula of a metric": "[[metric]]\nname = 'a'\nformula = TEXT\nbetter = 'higher'\n",
    "the expression of a metric": "[[metric]]\nname = 'a'\nexpression = TEXT\nat = TEXT\nbetter = TEXT\n",
    "the condition of a metric": "[[metric]]\nname = 'a'\nfirst_crossing = TEXT\nwhen = TEXT\n" + _OF_METRIC,
    "a loop": "[[loop]]\nname = TEXT\npolarity = TEXT\nthrough = [TEXT]\n",
    "the simulation": "[simulation]\nmethod = TEXT\n",
}  # fmt: skip

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def quoted(text: str) -> str:
    """The text as a quoted name."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def vensim(place: str, text: str) -> str:
    """A Vensim file that holds the text in a place."""
    template = VENSIM[place]
    plain = re.sub(r"[\r\n]", " ", text) if "Sketch information" in template else re.sub("[~|]", "", text)
    body = template.replace("QUOTED", quoted(text)).replace("PLAIN", plain)
    head = "" if place == "the header" else "{UTF-8}\n"
    return head + body + ("" if "Sketch information" in template else CONTROLS)


def xmile(place: str, text: str) -> str:
    """An XMILE file that holds the text, without the signs that XML forbids, in a place."""
    text = _NOT_XML.sub("", text)
    return (
        XMILE[place]
        .replace("QUOTED", escape(quoted(text)))
        .replace("ATTRIBUTE", quoteattr(text))
        .replace("ELEMENT", escape(text))
        .replace("CDATA]", text.replace("]]>", "]]]]><![CDATA[>") + "]")
        .replace("INSTRUCTION", re.sub(r"\?>|--|-$", "", text))
    )


def toml_text(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml(place: str, text: str) -> str:
    """An experiment file that holds the text in a place."""
    written = toml_text(text)
    metric = "" if "[[metric]]" in TOML[place] else TOML["the name of a metric"].replace("TEXT", "'m'")
    return TOML[place].replace("KEY", written).replace("TEXT", written) + metric


FILES = {"mdl": (VENSIM, vensim), "xmile": (XMILE, xmile)}

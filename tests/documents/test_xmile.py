"""XMILE files: variables, arrays, modules, simulation, and what malformed files get."""

import time

import pytest

from sdtheory.documents import Limits, from_bytes
from sdtheory.errors import DocumentError, LimitError

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"


def file(body, before="", after="", namespace=f' xmlns="{NAMESPACE}"'):
    return f"<xmile{namespace}>{before}<model><variables>{body}</variables>{after}</model></xmile>"


def document(body, encoding="utf-8", **options):
    return from_bytes(file(body, **options).encode(encoding), "xmile")


def only(body):
    (entry,) = document(body).variables.values()
    return entry


def refused(text, **options):
    with pytest.raises(DocumentError) as caught:
        from_bytes(text.encode() if isinstance(text, str) else text, "xmile", **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('<stock name="a"><eqn>1</eqn></stock>', "stock"),
        ('<flow name="a"><eqn>1</eqn></flow>', "flow"),
        ('<aux name="a"><eqn> -1/4 </eqn></aux>', "constant"),
        ('<aux name="a"><eqn>b</eqn></aux>', "auxiliary"),
        ('<aux name="a"><eqn>{Enter equation}</eqn></aux>', "auxiliary"),
        ('<aux name="a"/>', "auxiliary"),
        ('<aux name="a"><eqn>TIME</eqn><gf><xpts>0,1</xpts><ypts>0,1</ypts></gf></aux>', "auxiliary"),
        ('<aux name="a"><gf><xpts>0,1</xpts><ypts>0,1</ypts></gf></aux>', "lookup"),
        ('<gf name="a"><xpts>0,1</xpts><ypts>0,1</ypts></gf>', "lookup"),
        ('<module name="a"/>', "module"),
    ],
)
def test_kinds(body, kind):
    assert only(body).kind == kind


def test_every_part_of_a_variable_and_its_bytes():
    found = document(
        '\n<stock name="two\\nwords &amp; more">\n<eqn> a &lt; <![CDATA[b && c]]> </eqn><units>m²</units>'
        "<doc>line\\none \\\\n</doc><inflow>in_1</inflow><outflow>&quot;out 1&quot;</outflow>"
        '<non_negative> FALSE </non_negative><range min="0" max="10"/></stock>'
    )
    entry = found.variables["Two words & more"]
    assert entry.name == "two words & more"
    assert (entry.line, entry.column) == (2, 14)
    assert entry.equation == "a < b && c"
    assert (entry.blocks[0].line, entry.blocks[0].column) == (3, 7)
    assert (entry.units, entry.documentation) == ("m²", "line\none \\n")
    assert (entry.inflows, entry.outflows) == (("in_1",), ("out 1",))
    assert entry.limits == (0, 10)
    assert not entry.non_negative
    spans = {key: found.bytes[span.start : span.stop].decode() for key, span in entry.blocks[0].spans.items()}
    assert spans["name"] == "two\\nwords &amp; more"
    assert spans["equation"] == "a &lt; <![CDATA[b && c]]>"
    assert (spans["units"], spans["limits"]) == ("m²", '<range min="0" max="10"/>')
    assert spans["whole"].startswith("<stock") and spans["whole"].endswith("</stock>")


@pytest.mark.parametrize(
    ("points", "x", "y", "kind"),
    [
        ('<xscale min="0" max="4"/><ypts>1,2,3</ypts>', (0, 2, 4), (1, 2, 3), "continuous"),
        ('<xpts sep=";">1;2</xpts><ypts sep=" ">3 4</ypts>', (1, 2), (3, 4), "continuous"),
    ],
)
def test_points_of_a_graphical_function(points, x, y, kind):
    lookup = only(f'<aux name="a"><eqn>b</eqn><gf>{points}<yscale min="0" max="9"/></gf></aux>').lookup
    assert (lookup.x, lookup.y, lookup.kind, lookup.yscale) == (x, y, kind, (0, 9))


@pytest.mark.parametrize("kind", ["continuous", "extrapolate", "discrete"])
def test_the_kind_of_a_graphical_function(kind):
    body = f'<gf name="a" type="{kind}"><xpts>0,1</xpts><ypts>0,1</ypts></gf>'
    assert only(body).lookup.kind == kind


def test_a_graphical_function_without_matching_points_is_noted():
    found = document('<gf name="a"><xpts>0,1,2</xpts><ypts>0,1</ypts></gf>')
    assert found.variables["a"].lookup is None
    assert found.notes[0].code == "lookup"


def test_arrays_have_a_block_for_each_element():
    found = document(
        '<aux name="a"><dimensions><dim name="D"/><dim name="E"/></dimensions>'
        '<element subscript="x, 1"><eqn>1</eqn></element><element subscript="x, 2">'
        "<eqn>b</eqn></element></aux>"
        '<aux name="c"><dimensions><dim name="D"/></dimensions><eqn>3</eqn></aux>'
        '<aux name="d"><dimensions><dim name="D"/></dimensions><eqn>3</eqn><eqn>4</eqn></aux>',
        before='<dimensions><dim name="D"><elem name="x"/><elem name="y z"/></dim>'
        '<dim name="E" size="3"/></dimensions>',
    )
    entry = found.variables["a"]
    assert entry.dimensions == ("D", "E")
    assert [(block.subscripts, block.equation) for block in entry.blocks] == [("x, 1", "1"), ("x, 2", "b")]
    assert entry.kind == "auxiliary"
    assert [block.equation for block in found.variables["c"].blocks] == ["3"]
    assert [block.equation for block in found.variables["d"].blocks] == ["3", "4"]
    assert found.dimensions["d"].elements == ("x", "y z")
    assert (found.dimensions["E"].elements, found.dimensions["E"].size) == ((), 3)


def test_names_are_local_to_their_model():
    text = (
        f'<xmile xmlns="{NAMESPACE}"><model><variables><module name="hares">'
        f'<connect to="area" from=".size"/></module>'
        '<aux name="size"><eqn>1</eqn></aux></variables></model>'
        '<model name="Hares"><variables><stock name="hares"><inflow>births</inflow></stock>'
        '<flow name="births"><eqn>1</eqn></flow><aux name="area" access="input"/></variables></model></xmile>'
    )
    found = from_bytes(text.encode())
    assert list(found.variables) == ["hares", "size", "hares.hares", "hares.births", "hares.area"]
    assert found.variables["Hares.Area"].access == "input"
    assert found.variables["hares.hares"].model == "Hares"
    (module,) = found.modules
    assert (module.name, module.parent) == ("hares", "")
    assert [(one.target, one.origin) for one in module.connections] == [("area", ".size")]


def test_the_first_of_several_named_models_is_the_root():
    text = (
        f'<xmile xmlns="{NAMESPACE}"><model name="m"><variables><aux name="a"/></variables></model></xmile>'
    )
    assert list(from_bytes(text.encode()).variables) == ["a"]


@pytest.mark.parametrize(
    ("specs", "start", "stop", "step", "reciprocal", "method", "save"),
    [
        (
            "<sim_specs><start>0</start><stop>9</stop><dt>0.5</dt></sim_specs>",
            "0",
            "9",
            "0.5",
            False,
            "",
            None,
        ),
        (
            '<sim_specs method="RK4"><dt reciprocal="true">8</dt></sim_specs>',
            None,
            None,
            "1/8",
            True,
            "RK4",
            None,
        ),
        ('<sim_specs isee:save_interval="2" method="Euler"/>', None, None, None, False, "Euler", "2"),
    ],
)
def test_simulation(specs, start, stop, step, reciprocal, method, save):
    simulation = document("", before=specs).simulation
    assert (simulation.start, simulation.stop, simulation.time_step) == (start, stop, step)
    assert (simulation.reciprocal, simulation.method, simulation.save_every) == (reciprocal, method, save)
    assert simulation.line == 1


def test_behavior_makes_kinds_non_negative_unless_they_say_otherwise():
    found = document(
        '<flow name="a"/><flow name="b"><non_negative>false</non_negative></flow><stock name="c"/>',
        before="<behavior><flow><non_negative/></flow></behavior>",
    )
    assert [entry.non_negative for entry in found.variables.values()] == [True, False, False]


def test_groups_macros_units_and_special_stocks():
    found = document(
        '<stock name="a"><conveyor/><len>4</len></stock><group name="G"><doc>why</doc>'
        '<entity name="A"/></group>',
        before='<header><name>title</name></header><model_units><unit name="Euro">'
        "<eqn>1/Dollar</eqn><alias>EUR</alias>"
        '</unit></model_units><macro name="f"><parm>x</parm><eqn>x*y</eqn><variables>'
        '<aux name="y"/></variables></macro>',
    )
    assert found.name == "title"
    assert found.variables["a"].options == ("conveyor", "len")
    assert found.variables["a"].group == "G"
    assert (found.groups[0].documentation, found.groups[0].members) == ("why", ("A",))
    macro = found.macros["F"]
    assert (macro.parameters, macro.equation, list(macro.variables)) == (("x",), "x*y", ["y"])
    unit = found.unit_definitions[0]
    assert (unit.name, unit.aliases, unit.equation) == ("Euro", ("EUR",), "1/Dollar")


def test_two_declarations_of_one_name_are_both_kept_and_noted():
    found = document('<aux name="a b"><eqn>1</eqn></aux>\n<aux name="A_B"><eqn>2</eqn></aux>')
    assert [block.equation for block in found.variables["a b"].blocks] == ["1", "2"]
    assert (found.notes[0].severity, found.notes[0].code, found.notes[0].line) == (
        "error",
        "duplicate-name",
        2,
    )


@pytest.mark.parametrize(
    ("namespace", "noted"),
    [
        (f' xmlns="{NAMESPACE}"', False),
        (' xmlns="http://www.systemdynamics.org/XMILE"', False),
        ("", True),
    ],
)
def test_old_and_missing_namespaces_read_the_same(namespace, noted):
    found = document('<aux name="a"/>', namespace=namespace)
    assert list(found.variables) == ["a"]
    assert [note.code for note in found.notes] == ["namespace"] * noted


def test_a_prefix_of_the_standard_namespace_is_read():
    variables = '<x:variables><x:aux name="a"/></x:variables>'
    text = f'<x:xmile xmlns:x="{NAMESPACE}"><x:model>{variables}</x:model></x:xmile>'
    assert list(from_bytes(text.encode()).variables) == ["a"]


def test_an_undeclared_prefix_is_no_obstacle_and_no_variable():
    found = document('<isee:aux name="b"/><aux name="a" isee:x="1"/>')
    assert list(found.variables) == ["a"]


def test_utf_16_has_spans_too():
    text = '<?xml version="1.0" encoding="utf-16"?>' + file('<aux name="é > 𝄞"><eqn>1</eqn></aux>')
    found = from_bytes(text.encode("utf-16"))
    block = found.variables["é > 𝄞"].blocks[0]
    for part, value in (("name", "é > 𝄞"), ("equation", "1")):
        span = block.spans[part]
        assert found.bytes[span.start : span.stop].decode(found.encoding) == value


@pytest.mark.parametrize(
    "doctype",
    ['<!DOCTYPE x [<!ENTITY a "b">]>', '<!DOCTYPE x SYSTEM "file:///etc/hostname">', "<!DOCTYPE xmile>"],
)
def test_entities_are_refused(doctype):
    message = refused(doctype + file('<aux name="a"><doc>&a;</doc></aux>'))
    assert message.startswith("<document>:1:")
    assert "DOCTYPE and entities are not allowed" in message


@pytest.mark.parametrize("cut", ["<aux", "<eqn>", "3</e", "</aux>", "</variables>", "</model>"])
def test_a_cut_file_is_an_error_that_names_the_open_element(cut):
    text = file('\n<aux name="a"><eqn>3</eqn></aux>')
    message = refused(text[: text.index(cut) + len(cut)])
    assert "is not closed; the file looks cut off" in message


def test_the_message_of_a_cut_file():
    text = file('\n  <aux name="a"><doc>some words')
    message = refused(text[: text.index("words")])
    assert message == "<document>:2:17: <doc> is not closed; the file looks cut off"


def test_an_unclosed_variable_is_ended_by_the_next():
    found = document('<aux name="a"><eqn>1</eqn>\n<flow name="b"><eqn>é</eqn></flow><aux name="c"/>')
    assert list(found.variables) == ["a", "b", "c"]
    assert (found.notes[0].code, found.notes[0].line) == ("repaired", 2)
    span = found.variables["b"].blocks[0].spans["equation"]
    assert found.bytes[span.start : span.stop].decode() == "é"
    assert (
        found.bytes
        == file('<aux name="a"><eqn>1</eqn>\n<flow name="b"><eqn>é</eqn></flow><aux name="c"/>').encode()
    )


def test_hyphens_in_comments_and_bare_ampersands_are_repaired():
    found = document('<!-- a -- b --->\n<aux name="a"><doc>R & D &amp; T&T</doc><eqn>3</eqn></aux>')
    entry = found.variables["a"]
    assert entry.documentation == "R & D & T&T"
    assert [note.line for note in found.notes] == [1, 2, 2]
    span = entry.blocks[0].spans["equation"]
    assert found.bytes[span.start : span.stop] == b"3"


def test_other_faults_are_errors_with_their_place():
    assert refused(file('\n<aux name="a" name="b"/>')).startswith("<document>:2:")
    assert "not well-formed" in refused(file("&" * 21))
    assert "<eqn> of line 1 is not closed before this tag" in refused(file('<aux name="a"><eqn>\n</aux>'))
    assert "<flow> inside <aux> 'a'" in refused(file('<aux name="a"><flow name="b"/></aux>'))
    assert "root element is <svg>" in refused("<svg/>")


def test_limits_are_stated():
    deep = file("<a>" * 300 + "</a>" * 300)
    with pytest.raises(LimitError, match="nested deeper than the limit of 200"):
        from_bytes(deep.encode())
    with pytest.raises(LimitError, match="more elements than the limit of 5;"):
        from_bytes(file("<a/>" * 9).encode(), limits=Limits(xml_elements=5))
    with pytest.raises(LimitError, match="attribute 'name'"):
        from_bytes(file(f'<aux name="{"x" * 99}"/>').encode(), limits=Limits(attribute_length=50))
    with pytest.raises(LimitError, match="equation"):
        from_bytes(
            file(f'<aux name="a"><eqn>{"1+" * 99}</eqn></aux>').encode(), limits=Limits(equation_bytes=50)
        )
    with pytest.raises(LimitError, match="variables"):
        from_bytes(file('<aux name="a"/><aux name="b"/>').encode(), limits=Limits(variables=1))


def test_the_oldest_dialect_has_variables_in_the_model_itself():
    text = (
        '<xmile xmlns="http://www.systemdynamics.org/XMILE"><model>'
        '<stock name="s"><eqn>1</eqn><outflow>f</outflow><display x="100" y="50"/></stock>'
        '<flow name="f"><eqn>s</eqn><display x="150" y="50"><pts><pt x="122" y="50"/>'
        '<pt x="200" y="50"/></pts></display></flow>'
        '<display zoom="200"><connector x="110" y="30"><from>s</from><to>f</to>'
        "</connector></display></model></xmile>"
    )
    found = from_bytes(text.encode())
    assert list(found.variables) == ["s", "f"]
    (view,) = found.views
    assert [element.kind for element in view.elements] == ["stock", "flow", "cloud", "connector"]
    assert view.elements[1].points == ((122, 50), (200, 50))
    assert view.elements[3].control is not None


@pytest.mark.parametrize(
    "crowded",
    [
        lambda n: file("", after=f"<views><view><{'a' * 8 * n}/></view></views>"),
        lambda n: file("", after=f"<views><view><{'a' * 8 * n}{' ' * n}x='1'/></view></views>"),
        lambda n: file(f'<aux name="{"a" * n}"{" " * n}{"b" * n}{" " * n}="1"/>'),
        lambda n: file(
            f'<aux name="a"><dimensions><dim name="d"/></dimensions>{"<eqn>1</eqn>" * 3 * n}</aux>'
        ),
        lambda n: file(f'<aux name="a">{"<element><eqn>1</eqn></element>" * n}</aux>'),
        lambda n: file('<aux name="a"/>' * n),
        lambda n: file("<!-- a -- b -->" * n),
        lambda n: file(f"<aux name='a'><doc>{'<b/> text ' * n}</doc></aux>"),
    ],
)
def test_reading_time_grows_with_the_size_of_the_file(crowded):
    text = crowded(8_000).encode()
    begin = time.process_time()
    from_bytes(text, "xmile")
    assert time.process_time() - begin < 3

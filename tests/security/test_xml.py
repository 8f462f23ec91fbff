"""XML made to harm: refused in a line that says where, or read for what it plainly means, soon and in little memory."""

from __future__ import annotations

import re

import pytest
from outcomes import outcomes

pytest.importorskip("resource")  # which tells how much memory a process has held

SECONDS = 2.0
MEGABYTES = 1024
SPACE = 'xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"'
DECLARATION = '<?xml version="1.0" encoding="{}"?>\n'
UTF_8 = DECLARATION.format("utf-8")
SPECS = "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>"


def xmile(variables="", declaration=UTF_8, before="", attributes=SPACE, model="<model>"):
    return (
        f'{declaration}{before}<xmile version="1.0" {attributes}>\n<header/>\n{SPECS}\n{model}\n<variables>\n'
        f'<aux name="a"><eqn>1</eqn></aux>\n{variables}\n</variables>\n</model>\n</xmile>\n'
    )


def aux(equation="2", documentation="", name="b"):
    return f'<aux name="{name}"><eqn>{equation}</eqn><doc>{documentation}</doc></aux>'


def with_entities(declarations, use="&e;"):
    return xmile(aux("2", use), before=f"<!DOCTYPE xmile [{declarations}]>\n")


TEN = "&l{0};" * 10
LAUGHS = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n + 1} "{TEN.format(n)}">' for n in range(11))
SECRET = "file:///etc/passwd"
ENTITIES = {
    "a nested bomb": with_entities(LAUGHS, "&l11;"),
    "a large entity many times": with_entities(f'<!ENTITY e "{"x" * 100_000}">', "&e;" * 50_000),
    "an entity that holds itself": with_entities('<!ENTITY e "&e;">'),
    "an external entity": with_entities(f'<!ENTITY e SYSTEM "{SECRET}">'),
    "a public entity": with_entities(f'<!ENTITY e PUBLIC "x" "{SECRET}">'),
    "an unparsed entity": with_entities(f'<!NOTATION n SYSTEM "x"><!ENTITY e SYSTEM "{SECRET}" NDATA n>', ""),
    "a parameter entity": with_entities(f'<!ENTITY % p SYSTEM "{SECRET}"> %p;', ""),
    "a parameter entity that makes another": with_entities("<!ENTITY % p \"<!ENTITY e 'x'>\"> %p;"),
    "attributes by default": with_entities('<!ATTLIST aux name CDATA "c">', ""),
    "an external DTD": xmile(before=f'<!DOCTYPE xmile SYSTEM "{SECRET}">\n'),
    "a public DTD": xmile(before='<!DOCTYPE xmile PUBLIC "-//x" "http://dtd.invalid/x">\n'),
    "an empty DOCTYPE": xmile(before="<!DOCTYPE xmile>\n"),
    "a DOCTYPE behind a comment": xmile(before="<!-- x -->\n<?p x?>\n<!DOCTYPE xmile>\n"),
    "a DOCTYPE in UTF-16": with_entities(LAUGHS, "&l11;").replace("utf-8", "utf-16").encode("utf-16"),
    "a DOCTYPE inside": xmile("<!DOCTYPE xmile>"),
    "an entity that is not declared": xmile(aux("2", "&nope;")),
    "a character that XML lacks": xmile(aux("2", "&#0;")),
    "half a character": xmile(aux("2", "&#xD800;")),
    "a character beyond Unicode": xmile(aux("2", "&#x110000;")),
    "an endless reference": xmile(aux("2", "&#" + "9" * 100_000 + ";")),
}
ENCODINGS = {
    "UTF-7 said": xmile(declaration=DECLARATION.format("utf-7")),
    "UTF-7 done": xmile(aux("2", "ä < b"), declaration=DECLARATION.format("utf-7")).encode("utf-7"),
    "an unknown encoding": xmile(declaration=DECLARATION.format("nope")),
    "a coding of bytes": xmile(declaration=DECLARATION.format("base64")),
    "a coding of names": xmile(declaration=DECLARATION.format("idna")),
    "a coding with states": xmile(declaration=DECLARATION.format("iso2022_jp")),
    "an encoding without letters of its own": xmile(declaration=DECLARATION.format("cp037")),
    "EBCDIC": xmile(declaration=DECLARATION.format("cp037")).encode("cp037"),
    "UTF-8 said, other bytes": xmile(aux("2", "ä")).encode("latin-1"),
    "ASCII said, other bytes": xmile(aux("2", "ä"), declaration=DECLARATION.format("ascii")),
    "UTF-16 said, UTF-8 done": xmile(declaration=DECLARATION.format("utf-16")),
    "UTF-16 without a mark": xmile(declaration=DECLARATION.format("utf-16")).encode("utf-16-le"),
    "UTF-16 of odd length": xmile(declaration=DECLARATION.format("utf-16")).encode("utf-16") + b"\n",
    "UTF-16 cut in a pair": xmile(aux("2", "😀"), DECLARATION.format("utf-16")).encode("utf-16")[:-90]
    + b"\x3d\xd8",
    "half a pair in UTF-16": xmile(aux("2", "?"), DECLARATION.format("utf-16"))
    .encode("utf-16")
    .replace(b"?\0<\0/\0d", b"\x3d\xd8<\0/\0d"),
    "two marks": b"\xff\xfe" + xmile(declaration=DECLARATION.format("utf-16")).encode("utf-16"),
    "the mark of UTF-16 before UTF-8": b"\xff\xfe" + xmile().encode(),
    "UTF-32": xmile(declaration=DECLARATION.format("utf-32")).encode("utf-32"),
    "an encoding said late": xmile(
        aux("2", "ä"), DECLARATION.format("ascii").replace(" e", " " * 1000 + "e")
    ),
    "a long name of an encoding": xmile(declaration=DECLARATION.format("x" * 100_000)),
    "a surrogate in UTF-8": xmile(aux("2", "@")).encode().replace(b"@", b"\xed\xa0\x80"),
    "an overlong sign in UTF-8": xmile(aux("2", "@")).encode().replace(b"@", b"\xc0\xbc"),
    "NUL": xmile(aux("2", "\0")),
}
MANY = '<aux name="c"/>' * 6_000
MACRO = f'<macro name="m">{MANY}</macro>'
FORMS = {
    "a depth of 100,000": xmile("<x>" * 100_000 + "</x>" * 100_000),
    "a depth of 100,000 without ends": xmile("<x>" * 100_000),
    "a depth of 100,000 before a fault": xmile("<x y=1/>" + "<x>" * 100_000),
    "an attribute beyond the limit": xmile(f'<aux name="{"x" * 1_000_001}"/>'),
    "more elements than the limit": xmile("<x/>" * 500_001),
    "more variables than the limit": xmile("".join(f'<aux name="v{n}"/>' for n in range(50_001))),
    "many variables of one name": xmile("</variables></model><model name='m'><variables>".join([MANY] * 10)),
    "many variables in macros": xmile(f"</variables></model>{MACRO * 10}<model><variables>"),
    "a million attributes": xmile("<x " + " ".join(f"a{n:x}=''" for n in range(1_000_000)) + "/>"),
    "an attribute twice": xmile('<aux name="c" name="d"/>'),
    "a namespace twice": xmile('<aux name="c" xmlns:x="a" xmlns:x="b"/>'),
    "an attribute without quotes": xmile("<aux name=c/>"),
    "an attribute without a value": xmile("<aux name/>"),
    "an attribute with a tag in it": xmile('<aux name="<x>"/>'),
    "attributes that touch": xmile('<aux name="c"access="d"/>'),
    "two roots": xmile() + "<xmile/>",
    "text behind the root": xmile() + "x",
    "a root of another name": xmile().replace("xmile", "smile"),
    "a declaration behind a line break": "\n" + xmile(),
    "a declaration inside": xmile("<?xml version='1.0'?>"),
    "a declaration twice": DECLARATION.format("utf-8") + xmile(),
    "the end of a section in text": xmile(aux("1 ]]> 2")),
    "a section in a section": xmile(aux("<![CDATA[ <![CDATA[ 1 ]]> ]]>")),
    "a section without end": xmile(aux("<![CDATA[ 1")),
    "a comment without end": xmile("<!-- "),
    "an instruction without end": xmile("<?x "),
    "a tag without end": xmile('<aux name="c" '),
    "a quote without end": xmile('<aux name="c><eqn>1</eqn></aux>'),
    "an end that does not fit": xmile("<aux name='c'></stock>"),
    "an end too many": xmile("</aux>"),
    "a hundred bare ampersands": xmile(aux("2", "a & b " * 100)),
    "100,000 bare ampersands": xmile(aux("2", "a & b " * 100_000)),
    "100,000 variables without ends": xmile("".join(f'<aux name="v{n}">' for n in range(100_000))),
    "variables below many open tags": xmile("<x y=1/>" + "<x>" * 100_000 + '<aux name="c">' * 100_000),
    "variables below many open tags and outside": "<xmile><x y=1/>"
    + "<x>" * 100_000
    + '<aux name="c">' * 100_000,
    "many hyphens in many comments": xmile("<x y=1/>" + "<!-- -- -->" * 500_000),
    "many tags without ends": xmile("<" * 200_000),
    "many quotes without ends": xmile("<a '" * 200_000),
    "many starts of comments": xmile("<!--" * 200_000),
    "many starts of sections": xmile("<x y=1/>" + "<![CDATA[" * 200_000),
}
REFUSED = {**ENTITIES, **ENCODINGS, **FORMS}

INCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
# the file, and what it plainly means: equation and documentation of b (None: it declares no b)
PLAIN = {
    "the five entities and numbers": (
        xmile(aux("1 &lt; &#50;", "&amp;&lt;&gt;&quot;&apos;&#x41;")),
        ["1 < 2", "&<>\"'A"],
    ),
    "a section": (xmile(aux("<![CDATA[1 < 2]]>")), ["1 < 2", ""]),
    "two sections around an end of section": (xmile(aux("2", "<![CDATA[a]]]]><![CDATA[>b]]>")), ["2", "a]]>b"]),
    "an empty section": (xmile(aux("<![CDATA[]]>2<![CDATA[]]>")), ["2", ""]),
    "instructions": (xmile("<?x y?>" + aux("<?a b?>2<?php system('x')?>")), ["2", ""]),
    "a style sheet": (xmile(aux(), before='<?xml-stylesheet href="file:///etc/passwd"?>\n'), ["2", ""]),
    "an inclusion among variables": (xmile(aux() + INCLUDE), ["2", ""]),
    "an inclusion in a text": (xmile(aux("2", INCLUDE)), ["2", ""]),
    "comments": (xmile("<!-- <aux name='c'/> -->" + aux("2<!-- + 3 -->")), ["2", ""]),
    "a namespace redeclared inside": (xmile('<aux xmlns="urn:x" name="b"><eqn xmlns="">2</eqn></aux>'), ["2", ""]),
    "a prefix for everything": (
        re.sub(r"(</?)(?=[a-z])", r"\1x:", xmile(aux(), attributes=SPACE.replace("xmlns", "xmlns:x"))),
        ["2", ""],
    ),
    "a prefix bound twice": (
        xmile('<q:aux xmlns:q="urn:x" name="c"/><aux xmlns:q="urn:y" name="b"><eqn>2</eqn></aux>'),
        ["2", ""],
    ),
    "a prefix that is not bound": (xmile("<q:aux name='b'/>" + aux()), ["2", ""]),
    "a variable outside the model": (xmile().replace("<header/>", f"<header/>{aux()}"), None),
    "UTF-16": (xmile(aux("2", "ä"), DECLARATION.format("utf-16")).encode("utf-16"), ["2", "ä"]),
    "UTF-16, big end first": (
        b"\xfe\xff" + xmile(aux("2", "😀"), DECLARATION.format("utf-16")).encode("utf-16-be"),
        ["2", "😀"],
    ),
    "the mark of UTF-8": (b"\xef\xbb\xbf" + xmile(aux("2", "ä")).encode(), ["2", "ä"]),
    "Latin-1": (xmile(aux("2", "ä"), DECLARATION.format("iso-8859-1")).encode("latin-1"), ["2", "ä"]),
    "windows-1252": (xmile(aux("2", "“”"), DECLARATION.format("windows-1252")).encode("cp1252"), ["2", "“”"]),
    "no declaration": (xmile(aux("2", "ä"), ""), ["2", "ä"]),
    "a thousand attributes": (xmile(aux() + "<x " + " ".join(f"a{n:x}=''" for n in range(1_000)) + "/>"), ["2", ""]),
    "an attribute at the limit": (xmile(aux() + f'<x y="{"x" * 1_000_000}"/>'), ["2", ""]),
    "200,000 elements": (xmile(aux() + "<x/>" * 200_000), ["2", ""]),
    "20,000 variables": (xmile(aux() + "".join(f'<aux name="v{n}"/>' for n in range(20_000))), ["2", ""]),
    "a documentation of 10 MB": (xmile(aux("2", "x" * 10_000_000)), ["2", "x" * 200]),
    "a comment of 10 MB": (xmile(f"<!--{'x' * 10_000_000}-->" + aux()), ["2", ""]),
    "a million entities": (xmile(aux("2", "&amp;" * 1_000_000)), ["2", "&" * 200]),
    "a million sections": (xmile(aux("2", "<![CDATA[x]]>" * 1_000_000)), ["2", "x" * 200]),
    "a million comments": (xmile("<!---->" * 1_000_000 + aux()), ["2", ""]),
    "a tag of a million letters": (xmile(aux() + f"<{'x' * 1_000_000}/>"), ["2", ""]),
    "30,000 models": (xmile(aux()).replace("</model>", "</model>" + "<model/>" * 30_000), ["2", ""]),
    "30,000 dimensions": (
        xmile(aux()).replace("<header/>", f"<header/><dimensions>{'<dim/>' * 30_000}</dimensions>"),
        ["2", ""],
    ),
    "30,000 groups": (xmile(aux() + "<group/>" * 30_000), ["2", ""]),
    "a group of 30,000": (xmile(aux() + "<group>" + "<entity name='q'/>" * 30_000 + "</group>"), ["2", ""]),
    "30,000 macros": (xmile(aux()).replace("<header/>", "<header/>" + "<macro/>" * 30_000), ["2", ""]),
    "30,000 flows into a stock": (
        xmile(aux() + f'<stock name="c"><eqn>1</eqn>{"<inflow>q</inflow>" * 30_000}</stock>'),
        ["2", ""],
    ),
    "two hyphens in a comment": (xmile("<!-- a -- b -->" + aux()), ["2", ""]),
}  # fmt: skip
WHOLE = xmile(aux("2", "<![CDATA[x]]> &amp; y") + '<stock name="c"><eqn>1</eqn><inflow>d</inflow></stock>')
CUTS = sorted(
    {place for match in re.finditer(r"<[^>]*>", WHOLE) for place in (match.start(), match.end())} - {0}
)
CUTS = [cut for cut in CUTS if cut < WHOLE.rindex(">")]


def bytes_of(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The outcome of every file, each under the name of its case."""
    folder = tmp_path_factory.mktemp("xml")
    cases = {**REFUSED, **{name: text for name, (text, _) in PLAIN.items()}}
    cases |= {f"cut at {cut}": WHOLE[:cut] for cut in CUTS}
    files = {}
    for number, (name, text) in enumerate(cases.items()):
        path = folder / f"case{number}.xmile"
        path.write_bytes(bytes_of(text))
        files[name] = path
    found = outcomes(list(files.values()), folder / "cache")
    return {name: found[path.name] for name, path in files.items()}


def check_means(report):
    """No case ends the process or takes more than its share of time and memory."""
    assert "died" not in report, report
    assert max(report["read"]["seconds"], report["load"]["seconds"]) < SECONDS, report
    assert report["peak"] < MEGABYTES, report


def check_refused(report):
    check_means(report)
    for way in ("read", "load"):
        found = report[way]
        assert "error" in found, found
        assert found["line"] is not None or re.search(r"byte \d+", found["message"]), found
        assert "\n" not in found["message"] and len(found["message"]) < 500
        assert "root:" not in found["message"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_model_is_refused_with_its_line(reports, case):
    check_refused(reports[case])


@pytest.mark.parametrize("cut", CUTS)
def test_a_file_cut_at_any_tag_is_refused_with_its_line(reports, cut):
    check_refused(reports[f"cut at {cut}"])


@pytest.mark.parametrize("case", PLAIN)
def test_strange_xml_means_what_it_plainly_says(reports, case):
    report = reports[case]
    check_means(report)
    assert "value" in report["read"], report["read"]
    assert report["read"]["value"].get("b") == PLAIN[case][1]
    assert report["read"]["value"]["a"] == ["1", ""]
    loaded = report["load"]
    assert "error" in loaded or "a" in loaded["value"], loaded

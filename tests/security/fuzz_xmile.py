"""Fuzz the reader of XMILE files: ``python tests/security/fuzz_xmile.py --minutes 10``."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from random import Random
from xml.sax.saxutils import escape

from mutations import COMMON, NUMBERS, SIGNS, equation, line_ends, mutated, raw

NAMES = [
    "stock",
    "birth_rate",
    "Größe",
    "two\\nlines",
    "a.b",
    ".x",
    "d",
    "e1",
    "Time",
    "x",
    "&quot;a b&quot;",
    "",
]
TAGS = [
    "xmile", "model", "variables", "stock", "flow", "aux", "module", "gf", "eqn", "init_eqn", "units", "doc", "inflow",
    "outflow", "non_negative", "xpts", "ypts", "xscale", "yscale", "dimensions", "dim", "elem", "element", "group",
    "entity", "connect", "views", "view", "style", "display", "connector", "from", "to", "alias", "of", "pts", "pt",
    "shape", "text_box", "sim_specs", "start", "stop", "dt", "header", "name", "macro", "parm", "model_units", "unit",
    "behavior", "range", "var", "isee:thing", "conveyor", "p",
]  # fmt: skip
ATTRIBUTES = [
    "name", "x", "y", "width", "height", "uid", "angle", "subscript", "size", "min", "max", "sep", "type", "method",
    "time_units", "reciprocal", "polarity", "delay_mark", "label_side", "color", "access", "to", "from", "radius",
    "save_interval", "isee:save_interval", "xmlns", "xmlns:x", "xml:space", "background", "font_family", "dt",
]  # fmt: skip
MARKUP = [
    "<!-- note -->", "<![CDATA[x < 1]]>", "<![CDATA[]]>", "<?pi x?>", "&amp;", "&lt;", "&#65;", "&#x1F600;", "&quot;",
    "<b>x</b>", "<b/>", "\n", "\t ", "\\n", "<xi:include href='a'/>", ">", "&#13;&#10;", "<aux name='q'/>",
]  # fmt: skip
BROKEN = [
    "<!-- a -- b -->", "]]>", "&#0;", "&#xD800;", "&nope;", "&", "<!DOCTYPE a>", '<!DOCTYPE a [<!ENTITY b "c">]>',
    "<?xml version='1.0'?>", "<", "</aux>", "<aux name='q'>", "<![CDATA[", "<!--", "\0", "\x1b",
]  # fmt: skip
_ELEMENT = re.compile(r"<([A-Za-z_:]+)[^<>]*?(?:/>|>[^<>]*</\1>)")
_TAG = re.compile(r"<[^<>]*>")
_ATTRIBUTE = re.compile(r"""([A-Za-z_:]+)\s*=\s*("[^"<]*"|'[^'<]*')""")
_CONTENT = re.compile(r"(?<=>)[^<>]+(?=<)")


def value(chance: Random, attribute: bool = False) -> str:
    """A random attribute value or text, nearly always well-formed."""
    kind = chance.random()
    if kind < 0.01:
        return chance.choice(BROKEN)
    if kind < 0.3:
        return chance.choice(NAMES)
    if kind < 0.5:
        words = ["1,2,3", "e1, e2", "true", "rk4", "false", "1 2;3", "/", "+"]
        return chance.choice([*NUMBERS, str(chance.randrange(-400, 400)), *words])
    if kind < 0.7:
        return escape(equation(chance, NAMES[:6], 2), {'"': "&quot;", "'": "&apos;"})
    if kind < 0.85 and not attribute:
        return chance.choice(MARKUP)
    sign = chance.choice(SIGNS)
    return escape(sign, {'"': "&quot;", "'": "&apos;"}) if sign >= " " or sign in "\t\n\r" else " "


def tag_tree(chance: Random, depth: int = 3) -> str:
    """A random element with attributes, prefixes, text, CDATA, comments and entities."""
    tag = chance.choice(["", "", "", "", "isee:", "x:"]) + chance.choice(TAGS)
    quote = chance.choice('"""\'')
    names = chance.sample(ATTRIBUTES, chance.choice([0, 1, 1, 2, 3]))
    attributes = "".join(
        f" {name}{chance.choice(['=', '=', ' = '])}{quote}{value(chance, attribute=True)}{quote}"
        for name in names
    )
    if depth == 0 or chance.random() < 0.25:
        return f"<{tag}{attributes}{chance.choice(['/>', ' />', f'></{tag}>'])}"
    inside = "".join(
        tag_tree(chance, depth - 1) if chance.random() < 0.6 else value(chance)
        for _ in range(chance.randrange(4))
    )
    return f"<{tag}{attributes}>{inside}</{tag}{chance.choice(['', '', '', ' '])}>"


def _replaced(text: str, chance: Random, pattern: re.Pattern[str], change) -> str:
    places = list(pattern.finditer(text))
    if not places:
        return text
    match = chance.choice(places)
    return text[: match.start()] + change(match) + text[match.end() :]


def other_element(text: str, chance: Random, others: Sequence[str]) -> str:
    """An element left out, repeated, wrapped, or another one in its place."""
    new = raw(tag_tree(chance))
    if others and chance.random() < 0.3:
        found = list(_ELEMENT.finditer(chance.choice(others)))
        new = chance.choice(found).group() if found else new
    ways = ["", "{0}{0}", "<extra>{0}</extra>", "{0}{1}", "{1}", "{1}{0}"]
    return _replaced(text, chance, _ELEMENT, lambda match: chance.choice(ways).format(match.group(), new))


def other_tag(text: str, chance: Random, _: Sequence[str]) -> str:
    """A tag left out, repeated, closed, or given another name."""

    def change(match):
        tag = match.group()
        other = re.sub(r"(?<=<)(/?)[A-Za-z_:]+", lambda m: m.group(1) + chance.choice(TAGS), tag, count=1)
        return chance.choice(["", tag + tag, other, tag[:-1] + "/>", "</" + tag[1:], tag[:-1], tag[1:]])

    return _replaced(text, chance, _TAG, change)


def other_attribute(text: str, chance: Random, _: Sequence[str]) -> str:
    """An attribute left out, repeated, or with another name, value, quote sign."""

    def change(match):
        name, old = match.groups()
        quote = chance.choice("\"'")
        new = quote + raw(value(chance, attribute=True)) + quote
        ways = [
            "",
            f"{name}={new}",
            f"{name}={new}",
            f"{name}\n=\t{new}",
            f"{chance.choice(ATTRIBUTES)}={old}",
        ]
        if chance.random() < 0.8:
            return chance.choice(ways)
        return chance.choice(
            [*ways, f"{name}={old} {match.group()}", f"{name}={old[1:-1]}", f"{name}={old}b={new}"]
        )

    return _replaced(text, chance, _ATTRIBUTE, change)


def new_attribute(text: str, chance: Random, _: Sequence[str]) -> str:
    """One more attribute in a tag."""
    new = f' {chance.choice(ATTRIBUTES)}="{raw(value(chance, attribute=True))}"'
    return _replaced(text, chance, re.compile(r"<[A-Za-z_:]+(?=[ />])"), lambda match: match.group() + new)


def other_content(text: str, chance: Random, _: Sequence[str]) -> str:
    """Another text between two tags."""

    def change(match):
        old = match.group()
        return chance.choice([raw(value(chance)), f"<![CDATA[{old}]]>", old + raw(chance.choice(MARKUP)), old + old,
                              raw(chance.choice(MARKUP)) + old, ""])  # fmt: skip

    return _replaced(text, chance, _CONTENT, change)


def prefixed(text: str, chance: Random, _: Sequence[str]) -> str:
    """All tags, or those of one name, behind a prefix."""
    prefix = chance.choice(["x:", "isee:", "a.b:"])
    tag = chance.choice(["[A-Za-z_]", "[A-Za-z_]", chance.choice(TAGS)])
    return re.sub(rf"(</?)(?={tag})", lambda match: match.group(1) + prefix, text)


def renamed_tags(text: str, chance: Random, _: Sequence[str]) -> str:
    """An element under another name, at both ends."""
    old, new = chance.choice(TAGS), chance.choice(TAGS)
    return re.sub(rf"(?<=<)(/?){old}(?=[\s/>])", lambda match: match.group(1) + new, text)


def nested(text: str, chance: Random, _: Sequence[str]) -> str:
    """An element inside many others."""
    tag, count = chance.choice(TAGS), chance.choice([5, 150, 250])
    return _replaced(
        text, chance, _ELEMENT, lambda match: f"<{tag}>" * count + match.group() + f"</{tag}>" * count
    )


def other_encoding(text: str, chance: Random, _: Sequence[str]) -> str:
    """The same characters in another encoding, which the declaration may or may not name."""
    codec = chance.choice(["utf-16", "utf-16-be", "utf-16-le", "utf-32", "cp1252", "latin-1", "utf-8-sig", "utf-7",
                           "shift_jis", "koi8-r", "cp037"])  # fmt: skip
    plain = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.encode("latin-1").decode("utf-8", "replace"))
    named = chance.choice(["", codec, codec, "utf-8", "utf-16", "nope", "iso-8859-1", "ebcdic"])
    declared = f'<?xml version="1.0" encoding="{named}"?>' if named else ""
    return (declared + plain).encode(codec, "xmlcharrefreplace").decode("latin-1")


CHANGES = [
    *COMMON, *6 * [other_element], *6 * [other_attribute], *6 * [other_content], *3 * [new_attribute], other_tag,
    line_ends, line_ends, prefixed, renamed_tags, nested, other_encoding, other_encoding,
]  # fmt: skip


def mutate(data: bytes, chance: Random, others: Sequence[bytes] = ()) -> bytes:
    """An XMILE file, changed."""
    return mutated(data, chance, CHANGES, others)


def document(chance: Random) -> bytes:
    """An XMILE file put together at random."""
    parts = [tag_tree(chance, 4) for _ in range(chance.randrange(1, 5))]
    variables = "".join(
        f'<{tag} name="{chance.choice(NAMES)}">{tag_tree(chance, 2)}<eqn>{value(chance)}</eqn></{tag}>'
        for tag in chance.choices(["stock", "flow", "aux", "gf", "module"], k=chance.randrange(6))
    )
    drawn = "".join(
        f'<{tag} name="{chance.choice(NAMES)}" x="{chance.choice(NUMBERS)}" y="5">{tag_tree(chance, 1)}</{tag}>'
        for tag in chance.choices(
            ["stock", "flow", "aux", "connector", "alias", "text_box"], k=chance.randrange(6)
        )
    )
    model = f"<model><variables>{variables}</variables><views><view>{drawn}</view></views></model>"
    space = chance.choice(["", ' xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"'])
    return f'<xmile version="1.0"{space}>{parts[0]}{model}{"".join(parts[1:])}</xmile>'.encode()


if __name__ == "__main__":
    from fuzzing import main

    sys.exit(main("xmile", mutate, document))

"""What every edit of an XMILE file must keep, and the files and edits that it is shown on."""

import math
import re
import warnings
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import edits as edits_module
from sdtheory.documents import from_bytes
from sdtheory.documents.lexer import references
from sdtheory.errors import SDError, SDWarning
from sdtheory.names import canonical

MODELS = Path(__file__).parents[2] / "models"
NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
FARM = f"""<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="{NAMESPACE}" xmlns:isee="http://iseesystems.com/XMILE">
	<header><name>Farm</name></header>
	<sim_specs method='RK4' time_units="Year">
		<start>0</start>
		<stop>9</stop>
		<dt reciprocal="true">4</dt>
	</sim_specs>
	<dimensions>
		<dim name="crop"><elem name="rye"/><elem name="oats"/></dim>
	</dimensions>
	<model>
		<variables>
			<!-- fields -- as they were -->
			<stock name="Größe">
				<doc>What the fields hold.\\nIn hectares.</doc>
				<eqn>2 + seed</eqn>
				<inflow>growth</inflow>
				<outflow>harvest</outflow>
				<units>hectare</units>
			</stock>
			<stock name='Barn "A"'>
				<eqn><![CDATA[1 < 2]]></eqn>
				<inflow>harvest</inflow>
			</stock>
			<flow name="harvest">
				<eqn>MAX(0, Größe * 0.5 &lt; sun_shine) {{taken}}</eqn> <!-- a note -->
				<units>hectare/Year</units>
			</flow>
			<flow name="growth"><eqn>table(TIME) + Größe / "Barn_\\"A\\"" + sun_shine</eqn></flow>
			<aux name="sun\\nshine"><eqn>SUM(yield[*]) + yield[rye]</eqn></aux>
			<aux name="seed"/>
			<aux name="yield">
				<dimensions>
					<dim name="crop"/>
				</dimensions>
				<element subscript="rye">
					<eqn>1</eqn>
				</element>
				<element subscript="oats">
					<eqn>seed + crop.rye</eqn>
				</element>
			</aux>
			<gf name="table"><xscale min="0" max="10"/><yscale min="0" max="4"/><ypts>1, 2.50, 3</ypts></gf>
			<group name="fields">
				<entity name="harvest"/>
				<entity name="seed"/>
			</group>
		</variables>
		<views>
			<view type="stock_flow">
				<stock name="Größe" x="200" y="100"/>
				<stock name='Barn "A"' x="380" y="180" width="40" height="40"/>
				<flow name="harvest" x="290" y="100">
					<pts>
						<pt x="222.5" y="100"/>
						<pt x="400" y="100"/>
						<pt x="400" y="180.0"/>
					</pts>
				</flow>
				<flow name="growth" x="120" y="100">
					<pts>
						<pt x="50" y="100"/>
						<pt x="177.5" y="100"/>
					</pts>
				</flow>
				<aux name="sun\\nshine" x="120" y="200.25"/>
				<aux name="seed" x="60.123456" y="300"/>
				<alias uid="7" x="300" y="300">
					<of>seed</of>
				</alias>
				<connector uid="1" angle="-20.5">
					<from>sun_shine</from>
					<to>growth</to>
				</connector>
				<connector uid="2" angle="350">
					<from><alias uid="7"/></from>
					<to>Größe</to>
				</connector>
			</view>
		</views>
	</model>
</xmile>
"""
MODULES = f"""<xmile version="1.0" xmlns="{NAMESPACE}"><header/>
<sim_specs><start>0</start><stop>4</stop></sim_specs>
<model><variables><module name="hares"><connect to="hares.area" from=".area"/></module>
<aux name="area" access="output"><eqn>2</eqn></aux><aux name="all"><eqn>hares.stock + area</eqn></aux></variables>
<views><view><module name="hares" x="10" y="20"/><aux name="area" x="50" y="20"/></view></views></model>
<model name="hares"><variables><stock name="stock"><eqn>area</eqn><inflow>births</inflow></stock>
<flow name="births"><eqn>stock * .area</eqn></flow><aux name="area" access="input"><eqn>1</eqn></aux></variables>
<views><view><stock name="stock" x="100" y="50"/><aux name="area" x="100" y="150"/>
<flow name="births" x="40" y="50"><pts><pt x="10" y="50"/><pt x="80" y="50"/></pts></flow>
<connector angle="90"><from>area</from><to>births</to></connector></view></views></model></xmile>
"""
UNCLOSED = f"""<xmile version="1.0" xmlns="{NAMESPACE}">
  <sim_specs><start>0</start><stop>4</stop><dt>1</dt></sim_specs>
  <model>
    <variables>
      <stock name="a">
        <eqn>1</eqn>
        <inflow>b</inflow>
      </stock>
      <flow name="b">
        <eqn>a * c</eqn>
      <aux name="c">
        <eqn>2</eqn>
        <doc>salt & pepper</doc>
      </aux>
    </variables>
  </model>
</xmile>
"""
PREFIXED = FARM.replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?").replace("<x:!", "<!")
PREFIXED = PREFIXED.replace("xmlns=", "xmlns:x=").replace("1 <x: 2", "1 < 2")
SAMPLES = {
    "tabs": FARM.encode(),
    "CRLF": FARM.replace("\n", "\r\n").encode(),
    "CR": FARM.replace("\n", "\r").encode(),
    "one line": FARM.replace("\n", " ").replace("\t", "").encode(),
    "mark": b"\xef\xbb\xbf" + FARM.encode(),
    "Latin-1": FARM.replace("utf-8", "iso-8859-1").encode("latin-1"),
    "UTF-16": FARM.replace("utf-8", "utf-16").replace(" -- ", " ").encode("utf-16"),
    "prefix": PREFIXED.encode(),
    "modules": MODULES.encode(),
    "unclosed": UNCLOSED.encode(),
}


SAMPLES |= {path.stem: path.read_bytes() for path in sorted(MODELS.glob("m[0-2]_*.xmile"))}


NAMES = ["new one", "z-1 % b", 'say "x"', "Ω", "x" * 200, "it's | a, b", "New_Name", "b.c"]
TEXTS = ["0", "1 < 2 and x & 'y'", "a\n + b", "]]> {note}", 'say "x" + 1e-6', "τ"]


class Recorded:
    """The edits that were spliced while it was in force."""

    def __init__(self, monkeypatch):
        self.edits = []
        spliced = edits_module.spliced

        def recording(data, edits, encoding, file):
            self.edits = list(edits)
            return spliced(data, self.edits, encoding, file)

        monkeypatch.setattr(edits_module, "spliced", recording)


def touched_lines(document, edits):
    """Numbers of the lines that hold an edited span, and of those beside an insertion."""
    decode = lambda stop: document.bytes[:stop].decode(document.encoding)  # noqa: E731
    found = set()
    for edit in edits:
        first = len(split(decode(edit.span.start) + "x")) - 1
        last = len(split(decode(edit.span.stop) + "x")) - 1
        found.update(range(first, last + 1))
    return found


def split(text):
    """Lines as the file's own line ends part them."""
    end = "\n" if "\n" in text else "\r"
    return text.split(end)


def check_edit(old, new, recorded, verb, note=""):
    """The laws that every edit keeps."""
    again = from_bytes(new.bytes, "xmile", old.encoding)
    assert again == new and (again.index == new.index or "nan" in new.text), (verb, note)
    assert old == from_bytes(old.bytes, "xmile", old.encoding)
    touched = touched_lines(old, recorded.edits)
    before, after = split(old.text), split(new.text)
    rest = iter(after)
    for number, line in enumerate(before):
        assert number in touched or line in rest, (verb, note, number, line)
    inserts = any("\n" in edit.text for edit in recorded.edits)
    if not inserts and not any("\n" in split_span(old, edit) for edit in recorded.edits):
        assert len(before) == len(after), (verb, note)
    assert len(new.notes) <= len(old.notes)


def split_span(document, edit):
    return document.bytes[edit.span.start : edit.span.stop].decode(document.encoding).replace("\r", "\n")


def attempt(document, verb, *arguments, **options):
    """The edited document, or None when the edit is refused as it should be; nothing has changed then."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SDWarning)
            return getattr(document, verb)(*arguments, **options)
    except SDError as error:
        assert str(error) and "\n" not in str(error)
        return None


def key_of(entry, name):
    return canonical(f"{entry.model}.{name}") if entry.model else canonical(name)


def names_left(document, entry, key):
    """References to a name, lexed, in the equations of its model."""
    return [
        one.name
        for other in document.variables.values()
        if other.model == entry.model
        for block in other.blocks
        for one in references(block.equation, "xmile")
        if one.role != "subscript" and canonical(one.name) == key
    ]


def spellings_apart(one, other):
    """Whether two texts differ in spelling alone: spaces, underscores, breaks, case and quotes of names."""
    flat = lambda text: "".join(canonical(text.replace("&quot;", "")).replace('"', "").split())  # noqa: E731
    return flat(one) == flat(other)


def check_rename(document, key, name, recorded):
    """Whether there and back gives the same bytes; every other law is asserted."""
    entry = document.variables[key]
    new = attempt(document, "rename", key, name)
    if new is None:
        return None
    check_edit(document, new, recorded, "rename", key)
    fresh = key_of(entry, name)
    assert fresh in new.variables and key not in new.variables
    assert len(new.variables) == len(document.variables)
    if entry.kind != "module":
        assert not names_left(new, entry, canonical(entry.name)), key
        assert len(names_left(new, entry, canonical(name))) == len(
            names_left(document, entry, canonical(entry.name))
        )
    for before, after in zip(document.views, new.views, strict=True):
        for one, two in zip(before.elements, after.elements, strict=True):
            assert (one.id, one.x, one.y, one.source, one.target) == (
                two.id,
                two.x,
                two.y,
                two.source,
                two.target,
            )
    back = attempt(new, "rename", fresh, entry.name)
    assert back is not None
    assert set(back.variables) == set(document.variables)
    changed = zip(document.text.splitlines(), back.text.splitlines(), strict=True)
    assert all(one == two or spellings_apart(one, two) for one, two in changed), document.diff(back)
    return back.bytes == document.bytes


def drawings(document):
    return [one for view in document.views if view.kind != "interface" for one in view.elements]


def element(document, id):
    return next(one for view in document.views for one in view.elements if one.id == id)


def is_square(points):
    return all(min(abs(a - c), abs(b - d)) < 0.011 for (a, b), (c, d) in pairwise(points))


def bow(document, one):
    ends = [element(document, end) for end in (one.source, one.target)]
    chord = math.degrees(math.atan2(ends[0].y - ends[1].y, ends[1].x - ends[0].x))
    return (
        math.remainder(one.angle - chord, 360) if (ends[0].x, ends[0].y) != (ends[1].x, ends[1].y) else None
    )


def check_move(document, one, x, y, recorded):
    """The element is where it was put; pipes stay square, arcs keep their bow, ends stay on stocks."""
    new = attempt(document, "move", one.id, x, y)
    if new is None:
        assert one.kind in ("connector", "other"), one
        return False
    check_edit(document, new, recorded, "move", one.id)
    moved = element(new, one.id)
    assert (moved.x, moved.y) == pytest.approx((x, y), abs=0.0051)
    before = {other.id: other for other in drawings(document)}
    for other in drawings(new):
        old = before[other.id]
        if other.kind == "flow" and is_square(old.points):
            assert is_square(other.points), (one.id, old.points, other.points)
        if other.kind == "connector" and old.angle is not None and not old.raw.count(" x="):
            ends = bow(document, old) if old.source in before and old.target in before else None
            if ends is not None and (kept := bow(new, other)) is not None:
                assert abs(math.remainder(kept - ends, 360)) < 0.02, (one.id, old, other)
        if other.kind == "flow":
            assert (other.source, other.target) == (old.source, old.target)
    if one.kind not in ("flow", "cloud"):
        back = {
            key: value for key, value in before.items() if value.kind not in ("flow", "cloud", "connector")
        }
        for id, old in back.items():
            now = element(new, id)
            assert id == one.id or (now.x, now.y) == (old.x, old.y)
    return True


def draw_edit(data, document):
    """A random edit of a document: the new one, or None when it is refused."""
    keys = list(document.variables)
    ids = [one.id for one in drawings(document)] or ["0:0"]
    name, other = (data.draw(st.sampled_from(keys or ["none"])) for _ in range(2))
    place = st.integers(0, 800)
    x, y = data.draw(place), data.draw(place)
    fresh = data.draw(st.sampled_from(["alpha", "beta gamma", "d-e", "Zeta"]))
    id = data.draw(st.sampled_from(ids))
    verbs = {
        "set_equation": lambda: (name, f"{other.rpartition('.')[2].replace(' ', '_')} * 2"),
        "set_units": lambda: (name, "m/s"),
        "set_documentation": lambda: (name, "two\nlines & more"),
        "set_lookup": lambda: (name, [0, 1, 5], [3, 2.5, x]),
        "rename": lambda: (name, fresh),
        "add_stock": lambda: (fresh, x, "kg", "why"),
        "add_auxiliary": lambda: (fresh, "1 + 1", "", "", x, y),
        "add_flow": lambda: (fresh, "2", *data.draw(st.sampled_from([(None, name), (name, None), (name, other)]))),
        "remove": lambda: (name,),
        "remove_element": lambda: (id,),
        "move": lambda: (id, x, y),
        "add_alias": lambda: (name, x, y),
        "add_text": lambda: ("a <text>\nof two lines", x, y),
        "add_view": lambda: (fresh,),
        "rename_view": lambda: (0, fresh),
        "draw_variable": lambda: (name, x, y),
        "match_links": lambda: (name,),
        "connect": lambda: (name, other, data.draw(st.sampled_from(["+", "-", None]))),
        "disconnect": lambda: (name, other),
        "attach": lambda: (name, data.draw(st.sampled_from(["source", "target"])), data.draw(
            st.sampled_from([other, None]))),
    }  # fmt: skip
    verb = data.draw(st.sampled_from(sorted(verbs)))
    return verb, attempt(document, verb, *verbs[verb]())


# parts of a file that can be left out, repeated or given another text while it stays well-formed
ATTRIBUTE = re.compile(r"""(?<= )[a-z_]+=(?:"[^"]*"|'[^']*')""")
CONTENT = re.compile(r"(?<=>)[^<>\n]+(?=</)")
ELEMENT = re.compile(r"<([a-z_]+)[^<>]*/>|<([a-z_]+)[^<>/]*>[^<>]*</\2>")
WORDS = ["", "nan", "1e999", "-1", "x", "water", "a.b", "&quot;", "[", "{", "0", "9" * 30, "\\n", "&#233;"]


def mutated(data, text):
    """A file with an attribute, a content or an element left out, changed or repeated."""
    pattern = data.draw(st.sampled_from([ATTRIBUTE, CONTENT, ELEMENT]))
    matches = list(pattern.finditer(text))
    if not matches:
        return text
    match = data.draw(st.sampled_from(matches))
    found = match.group()
    word = data.draw(st.sampled_from(WORDS))
    choices = {
        ATTRIBUTE: ["", f'{found.partition("=")[0]}="{word}"'],
        CONTENT: [word, found + word, f"<![CDATA[{found}]]>", f"{found}<!-- note -->", f"<b>{found}</b>"],
        ELEMENT: ["", found + found, f"{found}<!-- note -->", f"<extra>{found}</extra>"],
    }
    return text[: match.start()] + data.draw(st.sampled_from(choices[pattern])) + text[match.end() :]


def run(document):
    return sd.simulate(sd.load(document), engine="vectorised")


def check_runs(document, moved, key, name):
    """Moves, documentation and renaming leave a run as it is; gives whether the model runs at all."""
    try:
        before = run(document)
    except SDError:
        return False
    after = run(moved.set_documentation(key, "another text"))
    assert before.equals(after)
    entry = document.variables[key]
    renamed = attempt(document, "rename", key, name)
    if renamed is None or entry.kind == "module":
        return True
    after = run(renamed)
    new = key_of(entry, name)
    mapping = {canonical(column): column for column in before.columns}
    for column in after.columns:
        base, bracket, rest = canonical(column).partition("[")
        base = key if base == new else base
        old = mapping[base + bracket + rest]
        assert before[old].equals(after[column].rename(old)), column
    return True

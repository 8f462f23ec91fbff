"""Laws of edits of XMILE files: bytes outside the edit stay, what was set reads back, and runs stay equal."""

import math
import re
import warnings
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import edits as edits_module
from sdtheory.documents import from_bytes, read
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
SAMPLES |= {path.stem: path.read_bytes() for path in sorted(MODELS.glob("*.xmile"))}
NAMES = ["new one", "z-1 % b", 'say "x"', "Ω", "x" * 200, "it's | a, b", "New_Name", "b.c"]
TEXTS = ["0", "1 < 2 and x & 'y'", "a\n + b", "]]> {note}", 'say "x" + 1e-6', "τ"]
SAME_LINES = [
    "set_equation",
    "set_units",
    "set_documentation",
    "set_initial",
    "rename",
    "set_simulation",
    "reshape",
]


class Recorded:
    """The edits that were spliced while it was in force."""

    def __init__(self, monkeypatch):
        self.edits = []
        spliced = edits_module.spliced

        def recording(data, edits, encoding, file):
            self.edits = list(edits)
            return spliced(data, self.edits, encoding, file)

        monkeypatch.setattr(edits_module, "spliced", recording)


@pytest.fixture
def recorded():
    with pytest.MonkeyPatch.context() as patch:
        yield Recorded(patch)


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


# one edit


@pytest.mark.parametrize("sample", SAMPLES)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_was_set_reads_back_and_no_other_line_changes(sample, recorded, data):
    document = from_bytes(SAMPLES[sample])
    key = data.draw(st.sampled_from(list(document.variables)))
    entry = document.variables[key]
    text = data.draw(st.sampled_from(TEXTS) | st.text("ab<>&\"'\\\n {}[]_1é", min_size=1).filter(str.strip))
    if document.encoding == "iso8859-1":
        text = text.replace("τ", "t")
    new = attempt(document, "set_units", key, "kg/(m*s)")
    assert new.variables[key].units == "kg/(m*s)"
    check_edit(document, new, recorded, "set_units")
    new = document.set_documentation(key, text)
    assert new.variables[key].documentation == text.strip()
    check_edit(document, new, recorded, "set_documentation")
    blocks = [block for block in entry.blocks if entry.kind not in ("module", "lookup")]
    for place, block in enumerate(blocks):
        new = document.set_equation(key, text, subscripts=block.subscripts or None)
        assert new.variables[key].blocks[place].equation == text.strip()
        others = [one for other, one in enumerate(new.variables[key].blocks) if other != place]
        assert [one.equation for one in others] == [
            one.equation for other, one in enumerate(blocks) if other != place
        ]
        check_edit(document, new, recorded, "set_equation")
        assert new.set_equation(key, text, subscripts=block.subscripts or None) is new
    if entry.kind == "stock":
        assert document.set_initial(key, 7.5).variables[key].equation == "7.5"


@pytest.mark.parametrize("sample", SAMPLES)
def test_settings_read_back_and_no_other_line_changes(sample, recorded):
    document = from_bytes(SAMPLES[sample])
    for given_ in ({"start": 1}, {"stop": "12.50"}, {"time_step": 0.3}, {"time_step": "1/8"}, {"time_step": 2},
                   {"save_every": 0.5}, {"method": "rk4"}, {"method": "euler"},
                   {"start": 2, "stop": 4, "time_step": 0.125, "save_every": 1, "method": "rk4"}):  # fmt: skip
        new = document.set_simulation(**given_)
        check_edit(document, new, recorded, "set_simulation")
        for word, value in given_.items():
            found = getattr(new.simulation, word)
            if word == "method":
                assert (found.lower() or "euler") == value
            else:
                assert number(found) == pytest.approx(number(str(value)), rel=1e-15)
        assert new.set_simulation(**given_) is new


def number(text):
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom or 1)


# names


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


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_variable_is_named_nowhere_as_before(sample, name, recorded):
    document = from_bytes(SAMPLES[sample])
    if document.encoding == "iso8859-1" and not name.isascii():
        return
    keys = list(document.variables)
    done = [check_rename(document, key, name, recorded) for key in keys[:: 1 + len(keys) // 12]]
    assert any(one is not None for one in done)


@pytest.mark.parametrize("sample", ["tabs", "CRLF", "prefix", "unclosed", "UTF-16"])
def test_renaming_there_and_back_gives_the_same_bytes(sample, recorded):
    document = from_bytes(SAMPLES[sample])
    for key, entry in document.variables.items():
        if key != "sun shine":  # its line break is not in the middle
            assert check_rename(document, key, "two words", recorded), entry.name
    for old, new in zip(["crop", "rye"], ["plant", "wheat"], strict=True):
        assert "crop" not in document.dimensions or document.rename(old, new).rename(new, old) == document


@pytest.mark.parametrize("old", ["crop", "rye"])
def test_dimensions_and_elements_are_renamed_everywhere(old):
    document = from_bytes(SAMPLES["tabs"])
    new = document.rename(old, "other one")
    assert old not in [one.name for e in new.variables.values() for b in e.blocks
                       for one in references(b.equation, "xmile")]  # fmt: skip
    assert new.bytes.count(b"other_one") + new.bytes.count(b"other one") == {"crop": 3, "rye": 4}[old]


# drawings


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


@pytest.mark.parametrize("sample", SAMPLES)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_moved_element_takes_along_what_is_fastened_to_it(sample, recorded, data):
    document = from_bytes(SAMPLES[sample])
    choices = drawings(document)
    if not choices:
        return
    one = data.draw(st.sampled_from(choices))
    place = st.integers(-50, 900) | st.floats(0, 900).map(lambda value: round(value, 2))
    check_move(document, one, data.draw(place), data.draw(place), recorded)
    assert attempt(document, "move", one.id, one.x, one.y) in (document, None)


# sequences


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
        "connect": lambda: (name, other, data.draw(st.sampled_from(["+", "-", None]))),
        "disconnect": lambda: (name, other),
        "attach": lambda: (name, data.draw(st.sampled_from(["source", "target"])), data.draw(
            st.sampled_from([other, None]))),
    }  # fmt: skip
    verb = data.draw(st.sampled_from(sorted(verbs)))
    return verb, attempt(document, verb, *verbs[verb]())


@pytest.mark.parametrize("sample", SAMPLES)
@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_a_sequence_of_edits_keeps_every_law_and_undoes(sample, recorded, data):
    document = from_bytes(SAMPLES[sample])
    history = [document]
    for _ in range(20):
        verb, new = draw_edit(data, document)
        if new is not None:
            check_edit(document, new, recorded, verb) if new is not document else None
            document = new
            history.append(new)
    for one in reversed(history):
        assert from_bytes(one.bytes, "xmile", one.encoding) == one
    assert history[0].bytes == SAMPLES[sample]


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


@pytest.mark.parametrize("sample", ["tabs", "modules", "unclosed", "one line"])
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_an_edit_of_a_mutated_file_keeps_the_laws_or_is_refused(sample, recorded, data):
    text = SAMPLES[sample].decode()
    for _ in range(data.draw(st.integers(1, 4))):
        text = mutated(data, text)
    try:
        document = from_bytes(text.encode(), "xmile")
    except SDError:
        return
    for _ in range(6):
        verb, new = draw_edit(data, document)
        if new is not None and new is not document:
            check_edit(document, new, recorded, verb)
            document = new


@pytest.mark.parametrize("sample", SAMPLES)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_edits_of_different_variables_commute(sample, data):
    document = from_bytes(SAMPLES[sample])
    keys = data.draw(st.lists(st.sampled_from(list(document.variables)), min_size=2, max_size=2, unique=True))
    verbs = [("set_units", "kg"), ("set_documentation", "a & b"), ("set_equation", "1 + 2")]
    one, two = (data.draw(st.sampled_from(verbs)) for _ in range(2))
    first = attempt(document, one[0], keys[0], one[1])
    second = attempt(document, two[0], keys[1], two[1])
    if first is not None and second is not None:
        assert attempt(first, two[0], keys[1], two[1]) == attempt(second, one[0], keys[0], one[1])


# runs


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


@pytest.mark.parametrize("sample", ["m0_seed", "m1_delays"])
def test_a_move_a_text_and_a_new_name_leave_the_run_as_it_is(sample):
    document = from_bytes(SAMPLES[sample])
    moved = document.move(next(one.id for one in drawings(document) if one.kind == "stock"), 333, 444)
    for key in list(document.variables)[::8]:
        assert check_runs(document, moved, key, "some other-name")


@pytest.mark.parametrize("name", NAMES)
def test_a_new_name_in_modules_leaves_the_run_as_it_is(name):
    document = from_bytes(SAMPLES["modules"])
    before = run(document)
    for key, entry in document.variables.items():
        new = key_of(entry, name)
        after = run(document.rename(key, new))

        def renamed(column, key=key, new=new):
            found = canonical(column)
            return new + found[len(key) :] if found == key or found.startswith(key + ".") else found

        assert {renamed(one): list(before[one]) for one in before} == {
            canonical(one): list(after[one]) for one in after
        }


@pytest.mark.parametrize("sample", ["m0_seed", "m1_delays"])
def test_a_new_constant_changes_only_what_depends_on_it(sample):
    import networkx as nx

    document = from_bytes(SAMPLES[sample])
    model = sd.load(document)
    graph = sd.causal_graph(model)
    key, entry = next((key, one) for key, one in document.variables.items() if one.kind == "constant")
    before, after = run(document), run(document.set_equation(key, float(entry.equation) * 1.25 + 0.5))
    below = {canonical(name) for name in nx.descendants(graph, entry.name)} | {key}
    for column in before.columns:
        assert canonical(column) in below or before[column].equals(after[column]), column


# a corpus


def xmile_files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix in (".xmile", ".stmx", ".itmx"))


class Applied:
    """How many edits of each verb were made, and in which files."""

    def __init__(self, recorded):
        self.recorded = recorded
        self.edits = Counter()
        self.files = defaultdict(set)
        self.document = None

    def __call__(self, verb, *arguments, **options):
        """The edited document after a check of every law, or None when the edit is refused."""
        new = attempt(self.document, verb, *arguments, **options)
        if new is not None:
            self.count(verb)
            if new is not self.document:
                check_edit(self.document, new, self.recorded, verb, self.document.file)
        return new

    def count(self, what):
        self.edits[what] += 1
        self.files[what].add(self.document.source.path)

    def report(self):
        return [
            f"{what}: {self.edits[what]} edits, {len(self.files[what])} files" for what in sorted(self.edits)
        ]


def edit_variable(applied, key, entry):
    document = applied.document
    for name in ("two words", "z-1 | é", "single"):
        same = check_rename(document, key, name, applied.recorded)
        if same is not None:
            applied.count(f"rename to '{name}'")
        if same:
            applied.count(f"rename to '{name}' and back gives the same bytes")
    assert applied("set_units", key, "a <b> & c").variables[key].units == "a <b> & c"
    assert applied("set_documentation", key, "a\n\\n <b>").variables[key].documentation == "a\n\\n <b>"
    for block in entry.blocks:
        which = {"subscripts": block.subscripts or None}
        text = "1 < 2 and x & 'y'"
        new = applied("set_equation", key, text, **which)
        assert new is None or text in [one.equation for one in new.variables[key].blocks]
        if entry.kind == "stock":
            applied("set_initial", key, 1e-6, **which)
        if block.lookup:
            x, y = [0.0, 0.5, 4.0], [1.0, 2.0, 1e9]
            new = applied("set_lookup", key, x, y, **which)
            assert (x, y) in [(list(one.lookup.x), list(one.lookup.y)) for one in new.variables[key].blocks]
            assert attempt(document, "set_lookup", key, block.lookup.x, block.lookup.y, **which) == document
    new = applied("remove", key)
    assert key not in new.variables and len(new.variables) == len(document.variables) - 1
    for number in range(len(document.views)):
        applied("add_alias", key, 10, 20, number)
    if len(entry.blocks) == 1:
        applied("set_equation", key, entry.equation, links="match")
        applied.count("match_links")


def edit_drawing(applied, one):
    for x, y in ((one.x + 3, one.y), (one.x, one.y + 77.7), (12.345678, 900)):
        if check_move(applied.document, one, x, y, applied.recorded):
            applied.count("move")
    applied("remove_element", one.id)
    for look in ({"width": 60, "height": 30}, {"label_side": "left", "colour": "red"}, {"angle": 12.345},
                 {"points": [(10, 10)]}, {"points": [(10, 10), (80, 10), (80, 90)]}):  # fmt: skip
        applied("reshape", one.id, **look)


def edit_view(applied, number, view):
    scope = f"{view.model}." if view.model else ""
    names = [scope + one.variable for one in view.elements if one.kind in ("stock", "flow", "auxiliary")]
    for source, target in pairwise(names):
        connected = applied("connect", source, target, "+", number)
        if connected is not None:
            assert attempt(connected, "disconnect", source, target, number) is not None
            applied.count("disconnect")
    stocks = [scope + one.variable for one in view.elements if one.kind == "stock"]
    for flow in (scope + one.variable for one in view.elements if one.kind == "flow"):
        for stock in [*stocks, None]:
            for end in ("source", "target"):
                applied("attach", flow, end, stock)
    applied("add_text", "a <b>\nc", 10, 20, number)
    applied("add_stock", "brand new", 1, "kg", "why", view=number)
    applied("add_auxiliary", "brand new", "1", view=number)
    for stock in [None, *stocks[:2]]:
        for other in [None, *stocks[:2]]:
            applied("add_flow", "brand-new", "1", stock, other, view=number)


def test_every_edit_of_every_file_of_a_corpus_keeps_the_laws(request, recorded):
    folder = request.config.getoption("--conformance", default=None)
    if not folder:
        pytest.skip("pass --conformance DIR")
    applied = Applied(recorded)
    for path in xmile_files(folder):
        applied.document = document = read(path)
        for key, entry in document.variables.items():
            edit_variable(applied, key, entry)
        for one in drawings(document):
            edit_drawing(applied, one)
        for number, view in enumerate(document.views):
            edit_view(applied, number, view)
        applied("add_view", "another <view>")
        applied("set_simulation", start=1, stop=77, time_step=0.3, save_every=0.6)
    print("\n".join(applied.report()))
    verbs = ("rename to 'single'", "move", "attach", "connect", "remove", "add_flow", "match_links")
    assert all(applied.edits[verb] for verb in verbs)


@pytest.mark.slow
def test_runs_of_a_corpus_stay_equal(request):
    folder = request.config.getoption("--conformance", default=None)
    if not folder:
        pytest.skip("pass --conformance DIR")
    ran = 0
    for path in xmile_files(folder):
        document = read(path)
        moved = document
        for one in drawings(document):
            moved = attempt(moved, "move", one.id, one.x + 5, one.y + 9) or moved
        keys = list(document.variables)
        ran += all(
            [check_runs(document, moved, key, "some other-name") for key in keys[:: 1 + len(keys) // 5]]
        )
    assert ran > 50

"""Laws of edits in Vensim files: only the edited lines change, undo is exact, runs stay what they were."""

import difflib
import random
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory.documents import from_bytes, read, vensim_edits
from sdtheory.documents.edits import NewVariable
from sdtheory.documents.lexer import references
from sdtheory.documents.words import CONTROLS
from sdtheory.errors import SDError
from sdtheory.names import canonical

FARM = """{UTF-8}
****
\t.Farm "one"
****~
\t\tFields & barns
\t|
Größe[crop]= INTEG (
\tgrowth[crop] - \\
\t\tharvest, {at first}
\t\t\t2.5)
\t~\thectare [0,?]
\t~\tIt's 5" wide
\t|
crop: rye, oats ~~|
"growth | net"[crop] = table(Time) * Größe[crop] ~ ~ ~:SUPPLEMENTARY|
growth[crop] = "growth | net"[crop] * rate ~~|
harvest= 0.5 ~ 1/Year ~|  rate = 2 ~~|
table( [(0,0)-(10,10)],(0,1),(10,2)) ~~|
:MACRO: TWICE(rate)
TWICE = rate*2 ~~|
:END OF MACRO:
Barn = INTEG((0), 1)
\t~
\t~\tfilled \\
\t\tby hand
|
****
\t.Control
****~
|
INITIAL TIME = 0 ~~|
FINAL TIME = 4 ~~|
SAVEPER = TIME STEP ~~|
TIME STEP = 1/4 ~~|
\\\\\\---/// Sketch information
V300  text
*Field
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,Größe,300,200,40,20,3,3,0,0,0,0,0,0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,growth,200,219,25,11,40,3,0,0,-1,0,0,0
12,7,0,50,60,70,8,8,7,0,0,-1,0,0,0
a comment
10,9,rate,200,300,20,11,8,3,0,0,0,0,0,0
10,10,Time,60,300,20,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128
1,8,9,6,1,0,43,0,0,64,0,-1--1--1,,1|(150,260)|
\\\\\\---/// Sketch information
V300  text
*Barn
10,1,Barn,302.5,200,40,20,3,3,0,0,0,0,0,0
///---\\\\\\
:GRAPH one
:VAR harvest
:L\x7f<%^E!@
15:0,0,0,0,0,0
5:Größe[rye]
22:Hectare,ha"""
ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
# the larger rungs take minutes; `--conformance models` meets them all
MODELS = sorted(Path("models").glob("m[0-2]_*.mdl"))
STRUCTURAL = ("add", "remove", "connect", "disconnect", "attach")
NAMES = ["plain", "Zwölf Äpfel", 'say "so", then', "a|b~c", "it's", "2nd try", "x" * 200, "min max {a} [b]"]
EQUATIONS = [
    "1",
    "2 * Time",
    "MAX(3, {why} 4)",
    '"odd | name" + 1',
    "1 + \\\n\t\t2",
    "IF THEN ELSE(Time > 2, 3, 4)",
]


def documents():
    """The example with each line end, and the models of the study."""
    return [from_bytes(FARM.replace("\n", end).encode()) for end in ENDS.values()] + [
        read(one) for one in MODELS
    ]


DOCUMENTS = documents()


def lines(document):
    end = b"\n" if b"\n" in document.bytes else b"\r"
    return [line + end for line in document.bytes.split(end)]


def edits_of(document, verb, arguments):
    """The edits behind a call, and the document that they make."""
    edits = getattr(vensim_edits, verb)(document, *arguments)
    return edits, document.splice(edits)


def touched(document, edits):
    """Numbers of the lines that hold an edited span; an insertion between two lines touches both."""
    end = b"\n" if b"\n" in document.bytes else b"\r"
    found = set()
    for edit in edits:
        first = document.bytes.count(end, 0, edit.span.start)
        last = document.bytes.count(end, 0, edit.span.stop)
        found |= set(range(first, last + 1))
    return found


def check_only_edited_lines_change(document, verb, arguments):
    edits, after = edits_of(document, verb, arguments)
    old, new, allowed = lines(document), lines(after), touched(document, edits)
    same_lines = not verb.startswith(STRUCTURAL) and not any(
        "\n" in edit.text or b"\n" in document.bytes[edit.span.start : edit.span.stop] for edit in edits
    )
    if same_lines and b"\r" not in document.bytes:
        assert len(old) == len(new)
        assert {
            number for number, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]
        } <= allowed
    kept = difflib.SequenceMatcher(None, old, new, autojunk=False)
    assert sum(b - a for tag, a, b, _, _ in kept.get_opcodes() if tag in ("replace", "delete")) <= len(
        allowed
    )
    assert len(after.notes) <= len(document.notes)
    assert from_bytes(after.bytes, "vensim", after.encoding).views == after.views
    return after


def variables(document, *kinds):
    return [
        entry
        for key, entry in document.variables.items()
        if key not in CONTROLS and (not kinds or entry.kind in kinds)
    ]


def with_one_equation(document, *kinds):
    """Not those that give each element its own: an edit of them has to name the element."""
    return [entry for entry in variables(document, *kinds) if len(entry.blocks) == 1]


def any_edit(document, chance):
    """A verb with arguments that fit the document, drawn by `chance`."""
    pick = chance.choice
    entry = pick(variables(document))
    block = pick(entry.blocks)
    stocks = [one.name for one in variables(document, "stock")]
    flows = [one.name for one in variables(document, "flow")]
    subscripts = block.subscripts if len(entry.blocks) > 1 else None
    view = chance.randrange(len(document.views)) if document.views else 0
    elements = [one for one in document.views[view].elements if "x" in one.spans] if document.views else []
    all_elements = document.views[view].elements if document.views else ()
    connectors = [one for one in all_elements if one.kind == "connector"]
    place = chance.randrange(1000), chance.randrange(1000)
    described = pick(["", "kg/Day"]), pick(["", "Some text.", "two\nlines"])
    where = pick([place, (None, None)])
    name = pick(NAMES)
    new = NewVariable(name, pick(EQUATIONS), *described, *where, view)
    choices = {
        "set_equation": [(entry.name, pick(EQUATIONS), subscripts)],
        "set_initial": [(stock, pick(EQUATIONS), None) for stock in stocks],
        "set_units": [(entry.name, pick(["", "kg", "Person/Year", "Dmnl [0,?]", "$*m [1,2,0.5]"]))],
        "set_documentation": [(entry.name, pick(["", "It holds.", "one\n\ntwo", 'odd " quote {']))],
        "set_lookup": [
            (
                one.name,
                [0.0, float(chance.randrange(1, 9))],
                [-1e-3, 1e6],
                None,
                pick([{}, {"xscale": (-2.0, 9.5)}]),
            )
            for one in variables(document)
            if len(one.blocks) == 1 and one.lookup
        ],
        "rename": [(entry.name, name)],
        "set_simulation": [
            ({pick(["start", "stop", "time_step", "save_every"]): "3"}, pick([None, "rk4", "euler"]))
        ],
        "add_stock": [(new,)],
        "add_auxiliary": [(new,)],
        "add_flow": [
            (new, *ends)
            for ends in [
                (None, None),
                *((stock, None) for stock in stocks),
                *((None, stock) for stock in stocks),
            ]
        ],
        "remove": [(entry.name,)],
        "add_alias": [(entry.name, *place, view), ("Time", *place, view)],
        "add_text": [("A text, with commas", *place, view)],
        "add_view": [(f"View {chance.randrange(99)}",)],
        "rename_view": [(view, f"View {chance.randrange(99)}")] if document.views else [],
        "draw_variable": [(entry.name, *where, view)],
        "remove_element": [(one.id,) for one in all_elements],
        "move": [(one.id, *place, view) for one in elements],
        "reshape": [
            *((one.id, {"points": [place]}, view) for one in connectors),
            *((one.id, {"polarity": pick(["+", "-", ""])}, view) for one in connectors),
            *((one.id, {"width": 70.0, "height": 30.0, "label_side": "left"}, view) for one in elements),
        ],
        "connect": [
            (one.id, other.id, pick([None, "+", "-"]), view)
            for one in elements
            for other in elements
            if one is not other and one.kind != "cloud" and other.kind in ("auxiliary", "flow", "stock")
        ],
        "disconnect": [(one.source, one.target, view) for one in connectors],
        "attach": [(flow, pick(["source", "target"]), stock) for flow in flows for stock in [None, *stocks]],
        "match_links": [(entry.name,)],
    }
    verb = pick([verb for verb, arguments in choices.items() if arguments])
    return verb, pick(choices[verb])


some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@given(st.sampled_from(DOCUMENTS), st.integers(0, 2**32))
def test_random_edits_change_only_their_lines_and_can_be_undone(document, seed):
    chance = random.Random(seed)
    history = [(document, document.bytes)]
    for _ in range(20):
        now = history[-1][0]
        verb, arguments = any_edit(now, chance)
        try:
            after = check_only_edited_lines_change(now, verb, arguments)
        except SDError as error:
            assert str(error) and "\n" not in str(error)
            continue
        history.append((after, after.bytes))
    for old, data in reversed(history):
        assert old.bytes == data
        assert from_bytes(data, "vensim", old.encoding) == old


SIGNS = [
    '"',
    "{",
    "}",
    "~",
    "|",
    "[",
    "]",
    "\\",
    "(",
    ")",
    "\\\n",
    ",",
    "\n",
    "\r",
    "-1",
    "1e9",
    "V160",
    "INTEG(",
]
SIGNS += [":EXCEPT:", "\n10,1,a,", "\n1,2,3,", "\t", "=", ":", "+", " - ", "12,", "11,", "32", "4"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_edits_of_a_mutated_file_keep_the_laws_or_are_refused(seed):
    chance = random.Random(seed)
    broken = bytearray(FARM.encode())
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(broken))
        broken[start : start + chance.choice([0, 1, 1, 5, 40])] = chance.choice(SIGNS).encode()
    try:
        document = from_bytes(bytes(broken), "vensim")
    except SDError:
        return
    for _ in range(8):
        if not variables(document):
            return
        verb, arguments = any_edit(document, chance)
        try:
            document = check_only_edited_lines_change(document, verb, arguments)
        except SDError as error:
            assert str(error) and "\n" not in str(error)


def test_every_kind_of_edit_keeps_the_laws_over_a_corpus(corpus):
    for document in map(read, corpus(".mdl")):
        chance = random.Random(document.bytes)
        for _ in range(40):
            verb, arguments = any_edit(document, chance)
            try:
                check_only_edited_lines_change(document, verb, arguments)
            except SDError as error:
                assert str(error) and "\n" not in str(error), document.file


@some
@given(st.sampled_from(DOCUMENTS), st.sampled_from(EQUATIONS), st.data())
def test_an_entry_that_was_set_reads_back_as_given(document, text, data):
    entry = data.draw(st.sampled_from(with_one_equation(document, "auxiliary", "constant", "flow", "stock")))
    new = document.set_equation(entry.name, text).entry(entry.name)
    assert new.blocks[0].equation.replace("\r\n", "\n").replace("\r", "\n") == text
    assert (new.units, new.documentation) == (entry.units, entry.documentation)
    if entry.kind == "stock":
        assert document.set_initial(entry.name, text).entry(entry.name).inflows == entry.inflows
    words = data.draw(st.text("ab \"{}[]()=:*'é$%", min_size=1).filter(str.strip)).strip()
    documented = document.set_documentation(entry.name, words).entry(entry.name)
    assert documented.documentation == words and documented.equation == entry.equation
    united = document.set_units(entry.name, "a*(b/c)").entry(entry.name)
    assert (united.units, united.limits) == ("a*(b/c)", entry.limits)


@some
@given(st.sampled_from(DOCUMENTS), st.integers(0, 2**32))
def test_edits_of_disjoint_spans_commute(document, seed):
    chance = random.Random(seed)
    first, second = (
        chance.choice(with_one_equation(document, "constant", "auxiliary", "flow")).name for _ in range(2)
    )
    one = document.set_equation(first, 7).set_documentation(second, "Other.")
    other = document.set_documentation(second, "Other.").set_equation(first, 7)
    assert one == other
    elements = [one for one in document.views[0].elements if one.kind in ("stock", "auxiliary", "text")]
    a, b = chance.sample(elements, 2)
    here = document.move(a.id, 10, 20).move(b.id, 30, 40)
    there = document.move(b.id, 30, 40).move(a.id, 10, 20)
    assert here == there


def spellings(document, key):
    """Every spelling of a name in equations, left sides and sketch."""
    found = set()
    for entry in document.variables.values():
        for block in entry.blocks:
            span = block.spans["name"]
            found.add(document.bytes[span.start : span.stop].decode(document.encoding))
            places = references(block.equation, "vensim")
            found |= {block.equation[one.start : one.stop] for one in places if one.role != "subscript"}
    for view in document.views:
        for element in view.elements:
            for label in ("name", "label_name"):
                if label in element.spans:
                    span = element.spans[label]
                    found.add(document.bytes[span.start : span.stop].decode(document.encoding))
    return {text for text in found if canonical(text.replace("\\\n", " ")) == key}


def check_renaming(document, old, new):
    key = canonical(old)
    renamed = document.rename(old, new)
    assert not spellings(renamed, key)
    assert key not in renamed.variables and renamed.entry(new).kind == document.variables[key].kind
    for before, after in zip(document.views, renamed.views, strict=True):
        assert len(before.elements) == len(after.elements)
    back = renamed.rename(new, old)
    if len(spellings(document, key)) == 1:
        assert back == document, (document.file, old)
    assert back.rename(old, new) == renamed


@pytest.mark.parametrize("new", NAMES)
def test_renaming_there_and_back_gives_the_same_bytes(new):
    for document in DOCUMENTS:
        for entry in variables(document):
            check_renaming(document, entry.name, new)


def test_every_variable_of_a_corpus_can_be_renamed_there_and_back(corpus):
    for document in map(read, corpus(".mdl")):
        for entry in variables(document):
            check_renaming(document, entry.name, "Quite another, name")


def run(document):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.SDWarning)  # a file's step need not divide the short run
        return sd.simulate(sd.load(document), engine="vectorised", stop=2)


def test_moves_texts_and_names_leave_the_runs_of_a_corpus_as_they_were(corpus):
    runs = 0
    for document in map(read, corpus(".mdl")):
        try:
            before = run(document)
        except SDError:
            continue
        runs += 1
        drawn, renamed, names = document, document, {}
        for view in document.views:
            for element in view.elements:
                if element.kind in ("stock", "flow", "auxiliary", "alias", "cloud"):
                    drawn = drawn.move(element.id, element.x + 13, element.y + 9)
        for number, entry in enumerate(variables(document)):
            drawn = drawn.set_documentation(entry.name, "Quite other.\nTwo lines.")
            if entry.kind != "subscript":
                new = [f"v{number} new", f"q, {number} | x", f"Ä {number}/b"][number % 3]
                renamed = renamed.rename(entry.name, new)
                names[canonical(entry.name)] = canonical(new)
        assert run(drawn).equals(before), document.file
        after = {canonical(name): values for name, values in run(renamed).items()}
        for name, values in before.items():
            base, bracket, element = name.partition("[")
            key = canonical(base)
            assert values.equals(after[names.get(key, key) + canonical(bracket + element)]), (
                document.file,
                name,
            )
    assert runs


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_moves_texts_and_names_leave_the_run_as_it_was(path):
    document = read(path)
    before = run(document)
    moved = document.views[0].elements[0]
    drawn = document.move(moved.id, moved.x + 40, moved.y - 7).set_documentation("capability", "Another.")
    assert run(drawn).equals(before)
    renamed = document.rename("capability", "what is, known").rename("policy start", "from | when")
    after = run(renamed)
    assert {canonical(name) for name in before} - {canonical(name) for name in after} == {
        "capability",
        "policy start",
    }
    other = {canonical(name): after[name] for name in after}
    names = {"capability": "what is, known", "policy start": "from | when"}
    for name in before:
        key = canonical(name)
        assert (before[name].to_numpy() == other[names.get(key, key)].to_numpy()).all(), name


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_constant_changes_only_what_depends_on_it(path):
    document = read(path)
    before, after = run(document), run(document.set_equation("gap exposure", "0"))
    changed = {name for name in before if not before[name].equals(after[name])}
    assert {canonical(name) for name in changed} == {"gap exposure", "cumulative gap"}


@some
@given(st.sampled_from(DOCUMENTS), st.lists(st.sampled_from(EQUATIONS), min_size=1, max_size=8), st.data())
def test_a_new_element_never_covers_another_one(document, equations, data):
    new = document
    for number, text in enumerate(equations):
        about = data.draw(st.sampled_from(variables(document))).name
        verb = data.draw(st.sampled_from(["add_stock", "add_auxiliary"]))
        new = getattr(new, verb)(f"new {number}", f'{text} + "{about}"' if "|" not in about else text)
        *others, last = new.views[0].elements
        assert canonical(last.variable) == canonical(f"new {number}")
        for other in others:
            if other.width and other.kind != "connector":
                apart_x = abs(last.x - other.x) >= (last.width + other.width) / 2
                apart_y = abs(last.y - other.y) >= (last.height + other.height) / 2
                assert apart_x or apart_y, (last, other)


@some
@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_flow_leads_where_its_equations_say(document, data):
    stocks = [None, *(one.name for one in variables(document, "stock"))]
    source, target = (data.draw(st.sampled_from(stocks)) for _ in range(2))
    if source == target:
        target = None
    new = document.add_flow("new flow", 0, source, target)
    for _ in range(4):
        check_ends(new, source, target)
        end, stock = data.draw(st.sampled_from(["source", "target"])), data.draw(st.sampled_from(stocks))
        source, target = (stock, target) if end == "source" else (source, stock)
        new = new.attach("new flow", end, stock)
        if source == target and source is not None:
            break
    if source != target or source is None:
        check_ends(new, source, target)
    assert "new flow" not in new.remove("new flow").text


def check_ends(document, source, target):
    for entry in variables(document, "stock"):
        assert ("new flow" in entry.outflows) == (entry.name == source)
        assert ("new flow" in entry.inflows) == (entry.name == target)
    by_id = {element.id: element for element in document.views[0].elements}
    shown = {element.variable for element in by_id.values()}
    flow = next(element for element in by_id.values() if element.variable == "new flow")
    for end, stock in ((flow.source, source), (flow.target, target)):
        if stock in shown and stock is not None:
            assert by_id[end].variable == stock
        else:
            assert by_id[end].kind == "cloud"


@some
@given(st.sampled_from(DOCUMENTS), st.data())
def test_matched_links_are_those_of_the_equation(document, data):
    constants = variables(document, "constant", "auxiliary")
    target = data.draw(st.sampled_from([one for one in constants if len(one.blocks) == 1]))
    sources = data.draw(st.lists(st.sampled_from(constants), max_size=3, unique_by=lambda one: one.name))
    names = [one.name for one in sources if one.name != target.name and "|" not in one.name]
    new = document.set_equation(target.name, "+".join(names) or "1", links="match")
    again = new.set_equation(target.name, "+".join(names) or "1", links="match")
    assert again == new
    for view in new.views:
        by_id = {element.id: element for element in view.elements}
        shown = {element.variable for element in by_id.values()}
        ends = {one.id for one in by_id.values() if one.variable == target.name and one.kind != "alias"}
        links = [one for one in by_id.values() if one.kind == "connector" and one.target in ends]
        linked = {by_id[one.source].variable for one in links}
        assert linked == (shown & set(names) if ends else set())

"""What is too large, too deep or endless is refused soon, in little memory, with the place and the limit."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.documents.lexer import references, terms, tokens
from sdtheory.errors import LimitError, SDError
from sdtheory.translate.precheck import check_document

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of memory")

WALL = 300  # seconds after which a worker is ended: the machine may be busy
CPU = 2
MODELS = Path(__file__).parents[2] / "models"
SETTINGS = {"start": "0", "stop": "2", "step": "1", "save": "TIME STEP"}


class Confined:
    """A process with 1 GB of memory that is kept from case to case, and started anew when it died."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.process: subprocess.Popen | None = None

    def start(self) -> subprocess.Popen:
        if self.process is None or self.process.poll() is not None:
            worker = Path(__file__).with_name("confined_worker.py")
            self.process = subprocess.Popen(
                [sys.executable, str(worker), str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for text, suffix in ((vensim("x = 1"), "mdl"), (xmile(x="1"), "xmile")):  # load what is needed
                self.ask(text, suffix)
        return self.process

    def ask(self, text: str, suffix: str, action: str = "run", limits: Any = None, **options) -> dict:
        process = self.start()
        assert process.stdin is not None and process.stdout is not None
        asked = {"text": text, "suffix": suffix, "action": action, "limits": limits or {}, "options": options}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], WALL)
        if not ready:
            process.kill()
        answer = process.stdout.readline()
        assert answer, "the process died" if ready else f"no answer after {WALL} s"
        return json.loads(answer)

    def refusal(self, text: str, suffix: str, **options) -> dict:
        """The error for a text, which must come soon, in one line, with its place."""
        found = self.ask(text, suffix, **options)
        assert "kind" in found, "not refused"
        assert found["seconds"] < CPU
        assert found["file"] == f"model.{suffix}" and found["line"] and "\n" not in found["message"]
        assert len(found["message"]) < 400
        return found


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    made = Confined(tmp_path_factory.mktemp("confined"))
    yield made
    if made.process is not None:
        made.process.stdin.close()
        made.process.wait(WALL)


def vensim(*blocks: str, **settings: str) -> str:
    given = SETTINGS | settings
    words = {"INITIAL TIME": "start", "FINAL TIME": "stop", "TIME STEP": "step", "SAVEPER": "save"}
    controls = [f"{word} = {given[key]}" for word, key in words.items()]
    return "{UTF-8}\n" + "".join(f"{block} ~~|\n" for block in (*blocks, *controls))


def xmile(*elements: str, dimensions: str = "", specs: str = "", **variables: str) -> str:
    specs = specs or "<start>0</start><stop>2</stop><dt>1</dt>"
    plain = [f'<aux name="{name}"><eqn>{escape(text)}</eqn></aux>' for name, text in variables.items()]
    return (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>\n'
        f"<sim_specs>{specs}</sim_specs>\n{dimensions}<model><variables>\n"
        + "\n".join((*elements, *plain))
        + "\n</variables></model></xmile>"
    )


def array_of(*sizes: int) -> str:
    dimensions = "".join(f'<dim name="d{place}" size="{size}"/>' for place, size in enumerate(sizes))
    names = "".join(f'<dim name="d{place}"/>' for place in range(len(sizes)))
    element = f'<aux name="x"><dimensions>{names}</dimensions><eqn>1</eqn></aux>'
    return xmile(element, dimensions=f"<dimensions>{dimensions}</dimensions>")


def vensim_array_of(*sizes: int) -> str:
    ranges = [f"d{place}: (d{place}e1-d{place}e{size})" for place, size in enumerate(sizes)]
    return vensim(*ranges, f"x[{','.join(f'd{place}' for place in range(len(sizes)))}] = 1")


def cells(count: int) -> tuple[int, ...]:
    return (count,) if count <= 100_000 else (1_000, 1_000, -(-count // 1_000_000))


# field: (suffix, text that just needs so much, default, what to do with it)
ROWS: dict[str, list[tuple[str, Any, int, str]]] = {
    "depth": [
        ("mdl", lambda n: vensim("x = " + "(" * n + "1" + ")" * n), 100, "run"),
        ("xmile", lambda n: xmile(x="(" * n + "1" + ")" * n), 100, "run"),
        ("mdl", lambda n: vensim("x = " + "IF THEN ELSE(Time > 1, 1, " * n + "2" + ")" * n), 100, "run"),
        ("xmile", lambda n: xmile(x="if TIME > 1 then 1 else " * n + "2"), 100, "run"),
        ("mdl", lambda n: vensim("x = " + "^".join(["1"] * (n + 1))), 100, "run"),
    ],
    "terms": [
        ("mdl", lambda n: vensim("y = 1", "x = " + "+".join(["y"] * n)), 5_000, "run"),
        ("xmile", lambda n: xmile(y="1", x="*".join(["y"] * n)), 5_000, "run"),
    ],
    "steps": [
        ("mdl", lambda n: vensim("x = INTEG(1, 0)", stop=str(n), save=str(n)), 10**7, "run"),
        ("xmile", lambda n: xmile(x="1", specs=f"<start>0</start><stop>{n}</stop><dt>1</dt>"), 10**7, "load"),
    ],
    "dimension_elements": [
        ("mdl", lambda n: vensim_array_of(n), 100_000, "read"),
        ("xmile", lambda n: array_of(n), 100_000, "read"),
        ("mdl", lambda n: vensim(f"a: (a1-a{n - 1})", "b: a, b1", "x[b] = 1"), 100_000, "read"),
    ],
    "cells": [
        ("mdl", lambda n: vensim_array_of(*cells(n)), 10**7, "load"),
        ("xmile", lambda n: array_of(*cells(n)), 10**7, "load"),
    ],
    "delay_order": [
        ("mdl", lambda n: vensim(f"x = DELAY N(Time, 90000, 0, {n})"), 1_000, "run"),
        ("mdl", lambda n: vensim(f"n = {n}", "x = SMOOTH N(Time, 90000, 0, n)"), 1_000, "run"),
        ("xmile", lambda n: xmile(x=f"SMTHN(TIME, 90000, {n}, 0)"), 1_000, "run"),
    ],
    "name_length": [
        ("mdl", lambda n: vensim("a" * n + " = 1"), 512, "run"),
        ("xmile", lambda n: xmile(**{"a" * n: "1"}), 512, "run"),
        ("mdl", lambda n: vensim(f"d: {'a' * n}, b", "x[d] = 1"), 512, "run"),
    ],
    "equation_bytes": [
        ("mdl", lambda n: vensim("x = (1" + " " * (n - 3) + ")"), 65_536, "run"),
        ("xmile", lambda n: xmile(x="(1" + " " * (n - 3) + ")"), 65_536, "run"),
    ],
    "variables": [
        ("mdl", lambda n: vensim(*(f"x{place} = 1" for place in range(n - 4))), 0, "read"),
        ("xmile", lambda n: xmile(**{f"x{place}": "1" for place in range(n)}), 0, "read"),
    ],
    "text_length": [("xmile", lambda n: xmile(a="1" * (n // 2), b="1" * (n - n // 2)), 0, "load")],
}  # fmt: skip
SMALL = {"depth": 7, "terms": 9, "steps": 20, "dimension_elements": 30, "cells": 40, "delay_order": 5,
         "name_length": 13, "equation_bytes": 30, "variables": 12, "text_length": 31}  # fmt: skip
EACH = [(field, place) for field, rows in ROWS.items() for place in range(len(rows))]


@pytest.mark.parametrize(("field", "place"), EACH)
def test_one_more_than_the_limit_is_refused_and_the_limit_itself_is_not(confined, field, place):
    suffix, text, default, action = ROWS[field][place]
    if not default:
        pytest.skip("so large a model is refused below")
    kept = confined.ask(text(default), suffix, action=action)
    assert "kind" not in kept, kept
    act = "load" if action == "read" else action
    found = confined.refusal(text(default + 1), suffix, action=act)
    assert found["kind"] == "LimitError"
    assert f"{default:,}" in found["message"] and f"limits=Limits({field}=...)" in found["message"]


@pytest.mark.parametrize(("field", "place"), EACH)
def test_every_limit_can_be_set_and_holds_to_the_last_one(confined, field, place):
    suffix, text, _, _ = ROWS[field][place]
    count = SMALL[field]
    limits = {field: count}
    assert "kind" not in confined.ask(text(count), suffix, limits=limits)
    found = confined.refusal(text(count + 1), suffix, limits=limits)
    assert found["kind"] == "LimitError" and f"limits=Limits({field}=...)" in found["message"]


def test_a_raised_limit_holds_for_runs_too(confined):
    long = vensim("x = INTEG(1, 0)", stop="10000001", save="10000001")
    assert "kind" not in confined.ask(long, "mdl", limits={"steps": 1e8})
    deep = vensim("x = " + "(" * 300 + "Time" + ")" * 300)
    assert "kind" not in confined.ask(deep, "mdl", limits={"depth": 300})
    many = vensim("n = 1500", "x = DELAY N(Time, 90000, 0, n)")
    for engine in ("vectorised", "reference"):
        assert "kind" not in confined.ask(many, "mdl", limits={"delay_order": 1_500}, engine=engine)


READ = ("file_bytes", "view_elements", "xml_depth", "xml_elements", "attribute_length", "variables",
        "equation_bytes", "name_length", "text_length", "depth", "terms")  # fmt: skip


@pytest.mark.parametrize("name", ["m0_seed.mdl", "m0_seed.xmile"])
@pytest.mark.parametrize("field", READ)
def test_a_real_model_needs_a_certain_limit_and_one_less_is_refused_by_name(name, field):
    if name.endswith(".mdl") and field.startswith(("xml", "attribute")):
        pytest.skip("no XML")

    def error(most: int) -> SDError | None:
        limits = dataclasses.replace(sd.Limits(), **{field: most})
        try:
            check_document(sd.read(MODELS / name, limits=limits), limits)
        except SDError as found:
            return found
        return None

    low, high = 0, getattr(sd.Limits(), field)
    assert error(high) is None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if error(middle) else (low, middle)
    found = error(high - 1)
    assert isinstance(found, LimitError)
    assert f"{high - 1:,}" in str(found) and f"limits=Limits({field}=...)" in str(found)
    assert found.file is not None and found.file.endswith(name) and (found.line or field == "file_bytes")


def test_all_equations_together_are_bounded(confined):
    block = "(1" + " " * 60_000 + ")"
    found = confined.refusal(vensim(*(f"x{place} = {block}" for place in range(84))), "mdl")
    assert (
        "the equations up to this one have more characters together than the limit of 5,000,000"
        in found["message"]
    )


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "line", "message"),
    [
        ({"step": "0"}, 4, "TIME STEP is 0; give a number above 0"),
        ({"step": "-1"}, 4, "TIME STEP is -1; give a number above 0"),
        ({"step": ":NA:"}, 4, "TIME STEP is nan; give a finite number"),
        ({"step": "1/0"}, 4, "TIME STEP is inf; give a finite number"),
        ({"step": "1e-12"}, 4, "2,000,000,000,000 time steps; the limit is 10,000,000"),
        ({"step": "1e-320"}, 4, "inf time steps; the limit is 10,000,000"),
        ({"step": "two * 0"}, 4, "TIME STEP is 0; give a number above 0"),
        ({"save": "0"}, 5, "SAVEPER is 0; give a number above 0"),
        ({"save": "-1"}, 5, "SAVEPER is -1; give a number above 0"),
        ({"save": ":NA:"}, 5, "SAVEPER is nan; give a finite number"),
        ({"stop": "-1"}, 3, "FINAL TIME -1 lies before INITIAL TIME 0"),
        ({"stop": "1e12"}, 4, "1,000,000,000,000 time steps; the limit is 10,000,000"),
        ({"stop": "two * 1e12"}, 4, "2,000,000,000,000 time steps; the limit is 10,000,000"),
        ({"start": ":NA:"}, 2, "INITIAL TIME is nan; give a finite number"),
    ],
)
def test_settings_that_make_no_grid_are_refused_with_their_line(confined, settings, line, message):
    found = confined.refusal(vensim("x = INTEG(1, 0) ~~|\ntwo = 2", **settings), "mdl")
    assert message in found["message"] and found["line"] == line + 2


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ("<start>0</start><stop>2</stop><dt>0</dt>", "TIME STEP is 0; give a number above 0"),
        ("<start>0</start><stop>2</stop><dt>-1</dt>", "TIME STEP is -1; give a number above 0"),
        ("<start>0</start><stop>2</stop><dt>NaN</dt>", "TIME STEP is 'NaN', not a finite number"),
        ("<start>0</start><stop>2</stop><dt>one</dt>", "TIME STEP is 'one', not a finite number"),
        ("<start>0</start><stop>1e999</stop><dt>1</dt>", "FINAL TIME is '1e999', not a finite number"),
        ("<start>0</start><stop></stop><dt>1</dt>", "FINAL TIME is '', not a finite number"),
        ("<start>0</start><stop>-2</stop><dt>1</dt>", "FINAL TIME -2 lies before INITIAL TIME 0"),
        ('<start>0</start><stop>2</stop><dt reciprocal="true">0</dt>', "TIME STEP is inf"),
        ('<start>0</start><stop>2</stop><dt reciprocal="true">1e12</dt>', "2,000,000,000,000 time steps"),
    ],
)
def test_settings_of_an_xmile_file_that_make_no_grid_are_refused_with_their_line(confined, specs, message):
    found = confined.refusal(xmile(x="1", specs=specs), "xmile")
    assert message in found["message"] and found["line"] == 2


@pytest.mark.parametrize("step", ["x", "IF THEN ELSE(Time > 0, 0, 1)", "1 - Time", "1e-9 + 0 * Time"])
def test_a_time_step_that_becomes_none_or_tiny_during_a_run_ends_it(confined, step):
    found = confined.ask(vensim("x = INTEG(1, 0)", step=step), "mdl", limits={"steps": 1_000})
    assert found["seconds"] < CPU
    assert "TIME STEP is " in found["message"] or "more than 1,000 time steps" in found["message"]


# ---------------------------------------------------------------- circles


@pytest.mark.parametrize(
    ("blocks", "trail"),
    [
        (["d: e", "e: d", "x[d] = 1"], "d -> e -> d"),
        (["d <-> e", "e <-> d", "x[d] = 1"], "d -> e -> d"),
        (["d: e", "e: f, g", "f <-> d", "x[d] = 1"], "d -> e -> f -> d"),
        (
            [*(f"d{k}: d{(k + 1) % 2_000}" for k in range(2_000)), "x[d0] = 1"],
            "d8 -> ... -> d0 (2,000 in all)",
        ),
    ],
)
def test_dimensions_of_each_other_are_named(confined, blocks, trail):
    found = confined.refusal(vensim(*blocks), "mdl")
    assert "dimensions are defined by each other" in found["message"] and trail in found["message"]


def test_dimensions_of_dimensions_may_be_many_deep(confined):
    chain = [f"d{place}: d{place + 1}, e{place}" for place in range(500)]
    assert "kind" not in confined.ask(vensim(*chain, "d500: z", "x[d0] = 1"), "mdl", action="load")


CIRCLES = {
    "a -> b -> a": {"a": "b", "b": "a + 1"},
    "a -> a": {"a": "2 * a"},
    "a -> b -> c -> a": {"z": "1", "a": "MAX(b, 0)", "b": "c", "c": "a"},
}


@pytest.mark.parametrize("trail", CIRCLES)
@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
def test_a_loop_without_a_stock_is_named(confined, trail, suffix):
    equations = CIRCLES[trail]
    lines = [f"{name} = {text}" for name, text in equations.items()]
    text = vensim(*lines) if suffix == "mdl" else xmile(**equations)
    found = confined.refusal(text, suffix)
    assert found["kind"] == "LoopWithoutStock" and f"loop without a stock: {trail};" in found["message"]


def test_a_loop_of_ten_thousand_variables_is_found_soon(confined):
    chain = [f"x{place} = x{(place + 1) % 10_000} + 1" for place in range(10_000)]
    found = confined.refusal(vensim(*chain), "mdl")
    assert "x0 -> x1 -> " in found["message"] and "(10,000 in all)" in found["message"]


def test_five_thousand_loops_are_one_error_soon(confined):
    pairs = [block for place in range(5_000) for block in (f"a{place} = b{place}", f"b{place} = a{place}")]
    assert "a0 -> b0 -> a0" in confined.refusal(vensim(*pairs), "mdl")["message"]


@pytest.mark.parametrize("suffix", ["mdl", "xmile"])
def test_a_hundred_thousand_variables_in_a_chain_are_refused_soon(confined, suffix):
    names = {f"x{place}": f"x{place - 1} + 1" for place in range(1, 100_000)}
    text = (
        vensim(*(f"{name} = {tree}" for name, tree in names.items())) if suffix == "mdl" else xmile(**names)
    )
    assert "limit of 50,000" in confined.refusal(text, suffix)["message"]


# ---------------------------------------------------------------- hostile equations


@pytest.mark.parametrize("count", [101, 5_000])
def test_a_chain_of_ifs_is_refused(confined, count):
    chain = "if TIME > 1 then 1 else " * min(count, 2_000) + "2"
    assert "nested" in confined.refusal(xmile(x=chain), "xmile")["message"]
    chain = "IF THEN ELSE(Time > 1, 1, " * min(count, 2_000) + "2" + ")" * min(count, 2_000)
    assert "nested" in confined.refusal(vensim(f"x = {chain}"), "mdl")["message"]


@pytest.mark.parametrize("call", ["MAX({})", "y({})"])
def test_a_call_of_too_many_arguments_is_refused_soon(confined, call):
    text = call.format(",".join(["y"] * 30_000))
    assert (
        "30,000 terms; the limit is 5,000"
        in confined.refusal(vensim("y = 1", f"x = {text}"), "mdl")["message"]
    )


def test_a_long_list_of_numbers_is_no_call(confined):
    text = vensim("d: (e1-e6000)", "x[d] = " + ",".join(["1"] * 6_000))
    assert "kind" not in confined.ask(text, "mdl", action="load")


AMBIGUOUS = ['"', "'", '\\"', '"\\', "{", "{}", "}", "a", "a ", "a.", ".", "[", "[(", "(0,0)", "1", "1e", "1.", ".1",
             "-", "- ", ":NOT: ", "not ", "<", "\\\n", "\\", " ", "_", "é", "!", "#", '"a"', "'a'", "a'", '"."',
             ":a", "|", "~", "***", ":=", "if ", "a[b] ", '{"', "a(", "^", "^-", ","]  # fmt: skip


@pytest.mark.parametrize("piece", AMBIGUOUS)
def test_a_piece_repeated_without_end_gives_an_error_or_a_model_soon(confined, piece):
    repeated = piece * (10_000 // len(piece))
    for text, suffix in ((vensim(f"x = {repeated}"), "mdl"), (xmile(x=repeated), "xmile")):
        found = confined.ask(text, suffix)
        assert found["seconds"] < CPU, found
        assert "\n" not in found.get("message", "") and len(found.get("message", "")) < 400


@pytest.mark.parametrize("piece", AMBIGUOUS)
@pytest.mark.parametrize("format", ["vensim", "xmile"])
def test_the_lexers_take_time_in_proportion_to_the_text(format, piece):
    def seconds(text: str) -> float:
        best = 1e9
        for _ in range(3):
            began = time.process_time()
            for _ in tokens(text, format):
                pass
            references(text, format)
            terms(text, format)
            best = min(best, time.process_time() - began)
        return best

    text = piece * (2_000 // len(piece))
    # a law of growth, not of speed: what is quadratic takes sixteen times as long
    assert seconds(text * 4) < 8 * seconds(text) + 0.01


# ---------------------------------------------------------------- results


def test_results_are_asked_for_room_before_they_are_made():
    model = sd.load(MODELS / "m0_seed.xmile", limits=sd.Limits(results_bytes=1_000_000))
    names = ["capability", "understanding"]
    rows = len(sd.simulate(model, outputs=names))
    runs = 1_000_000 // (8 * 2 * rows)
    sample = {"search leverage": [1.5] * runs}
    assert sd.simulate_many(model, sample, outputs=names).sizes["run"] == runs
    sample["search leverage"].append(1.5)
    for engine in ("vectorised", "compiled"):
        asked = rf"2 variables x {runs + 1} runs x {rows} times\); the limit is"
        with pytest.raises(LimitError, match=asked) as caught:
            sd.simulate_many(model, sample, outputs=names, engine=engine)
        assert "limits=Limits(results_bytes=...)" in str(caught.value)
    assert (
        sd.simulate_many(model, sample, outputs=names, engine="compiled", reduce="final").sizes["run"]
        == runs + 1
    )


@pytest.mark.parametrize("engine", ["auto", "vectorised", "compiled", "reference"])
def test_results_of_more_than_four_gigabytes_are_refused_before_the_run(confined, engine):
    many = [f"v{place} = x + {place}" for place in range(60)]
    text = vensim("x = INTEG(1, 0)", *many, stop="1e7")
    found = confined.ask(text, "mdl", engine=engine)
    assert found["kind"] == "LimitError" and "the limit is 4.0 GB" in found["message"]
    assert "10,000,001 times" in found["message"]
    assert found["seconds"] < CPU + 1


def test_results_that_the_memory_does_not_hold_are_an_error_without_a_traceback(confined):
    found = confined.ask(
        vensim("x = INTEG(1, 0)", "y = x", stop="1e7"), "mdl", engine="vectorised", save_every=1
    )
    assert (
        found["kind"] == "SimulationError" and "there is not enough memory for this run" in found["message"]
    )


@pytest.mark.parametrize("size", [(1_000, 1_000, 1_000), (1_000, 1_000, 1_000, 1_000)])
def test_an_array_that_no_memory_holds_is_refused_from_its_dimensions(confined, size):
    assert "array cells of the model to" in confined.refusal(vensim_array_of(*size), "mdl")["message"]
    assert "array cells of the model to" in confined.refusal(array_of(*size), "xmile")["message"]


# ---------------------------------------------------------------- every way to a file

GOOD = vensim("x = 1").encode()
FILES = {
    "a folder": "this is a folder",
    "a pipe": "this is not a regular file",
    "a device": "this is not a regular file",
    "nothing": "cannot be read: no such file or directory",
    "an empty file": "the file is empty",
    "twenty megabytes": "the file has 20,000,001 bytes; the limit is 20,000,000",
    "another encoding": "byte 10 (line 2) is not UTF-8",
    "no text": "is NUL",
    "an open quote": "the quote is not closed",
    "a long equation": "an equation with more bytes than the limit of 65,536",
}


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory) -> dict[str, Path]:
    """A file of each kind that is refused before its equations are looked at."""
    folder = tmp_path_factory.mktemp("odd")
    contents = {
        "an empty file": b"",
        "twenty megabytes": GOOD + b" " * (20_000_001 - len(GOOD)),
        "another encoding": "{UTF-8}\nGröße = 1 ~~|\n".encode("cp1252"),
        "no text": b"x = 1 \0 ~~|",
        "an open quote": b'{UTF-8}\n"x = 1 ~~|',
        "a long equation": b"{UTF-8}\nx = 1" + b" + 1" * 20_000 + b" ~~|",
    }
    found = {name: folder / f"{place}.mdl" for place, name in enumerate(FILES)}
    for name, content in contents.items():
        found[name].write_bytes(content)
    found["a folder"].mkdir()
    os.mkfifo(found["a pipe"])
    found["a device"] = Path("/dev/zero")
    return found


WAYS = {
    "read": sd.read,
    "load": sd.load,
    **{word: [word, "FILE"] for word in ("info", "run", "loops", "check")},
    "draw": ["draw", "FILE", "out.svg"],
    "convert": ["convert", "FILE", "out.xmile"],
    "diff": ["diff", "GOOD", "FILE"],
    "set": ["set", "FILE", "x", "2"],
    "rename": ["rename", "FILE", "x", "y"],
    "compare": ["compare", "FILE", str(MODELS / "m0_seed.toml")],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", FILES)
def test_every_way_to_a_file_checks_its_kind_size_and_text_first(odd_files, tmp_path, monkeypatch, way, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.mdl").write_bytes(GOOD)
    how = WAYS[way]
    if callable(how):
        with pytest.raises(SDError) as caught:
            how(odd_files[kind])
        said = str(caught.value)
    else:
        names = {"FILE": str(odd_files[kind]), "GOOD": "good.mdl"}
        done = CliRunner().invoke(main, [names.get(word, word) for word in how])
        assert done.exit_code == 1 and not isinstance(done.exception, OSError | MemoryError)
        said = done.output
    assert FILES[kind] in said and len(said.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["good.mdl"]


@pytest.mark.parametrize("kind", FILES)
def test_check_tells_what_keeps_a_file_from_being_read(odd_files, kind):
    (issue,) = sd.check(odd_files[kind])
    assert issue.severity == "error" and FILES[kind] in issue.message

"""`sdtheory draw` from the shell."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_svg import read, ring_is_convex
from graph_readers import READERS

import sdtheory as sd
from sdtheory.cli.main import main

MODEL = "models/m0_seed.xmile"


def run(*arguments):
    return CliRunner().invoke(main, ["draw", MODEL, *map(str, arguments)], prog_name="sdtheory")


def test_a_view_and_several_loops_may_be_asked_for(tmp_path):
    out = tmp_path / "loops.svg"
    done = run(out, "--highlight", "mission loop", "--highlight", "B1", "--layout", "loops")
    assert done.exit_code == 0, done.output
    drawn = read(out)
    loops = sd.find_loops(sd.load(MODEL))
    assert ring_is_convex(np.array([drawn.names[name][0] for name in loops.find("R1").variables]))
    halos = {
        group.get("data-loop") for group in drawn.root.iter() if (group.get("class") or "").startswith("halo")
    }
    assert halos == {"R1", "B1"}
    assert run(tmp_path / "stocks.svg", "--view", "stock-flow").exit_code == 0
    assert "Stock-flow diagram" in (tmp_path / "stocks.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".mdl", ".xmile", ".kumu.json"])
def test_the_causal_graph_is_written_for_other_programs(tmp_path, suffix):
    out = tmp_path / f"graph{suffix}"
    assert run(out).exit_code == 0
    _, links = READERS[suffix](out)
    assert set(links) == set(sd.causal_graph(sd.load(MODEL)).edges())


def test_an_unknown_view_is_wrong_usage(tmp_path):
    done = run(tmp_path / "x.svg", "--view", "stockflow")
    assert done.exit_code == 2
    assert "use 'causal' or 'stock-flow'" in done.output
    assert not list(tmp_path.iterdir())

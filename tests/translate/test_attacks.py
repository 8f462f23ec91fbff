"""Reading a model never runs what its author wrote, whatever PySD would do with it."""

from pathlib import Path

import pytest

import sdtheory as sd
from sdtheory.errors import SDError

CONTROL = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = TIME STEP ~~|\n"


def vensim(folder: Path, equations: str, name: str = "model.mdl") -> Path:
    path = folder / name
    path.write_text("{UTF-8}\n" + equations + "\n" + CONTROL, encoding="utf-8")
    return path


def xmile(folder: Path, variables: str, name: str = "model.xmile") -> Path:
    path = folder / name
    path.write_text(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>"
        f"<model><variables>{variables}</variables></model></xmile>",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def nothing_runs(tmp_path, monkeypatch):
    """Give the payload that would leave a canary, and see afterwards that none is there and no file is new."""
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    yield f'__import__("os").system("touch {canary}")'
    assert not canary.exists()
    assert {path.suffix for path in tmp_path.iterdir()} <= {".mdl", ".xmile"}


def load_and_run(path: Path) -> None:
    """Load, and run with the reference engine too; an error of ours is as good as a result."""
    try:
        sd.simulate(sd.load(path), engine="reference")
    except SDError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "equation",
    [
        "y = WITH LOOKUP(Time, ([{payload} or (0,0),(1,1)],(0,0),(1,1))) ~~|",
        "y = WITH LOOKUP(Time, ([({payload},0)-(1,1)],(0,0),(1,1))) ~~|",
        "table([{payload} or (0,0),(1,1)],(0,0),(1,1)) ~~|\ny = table(Time) ~~|",
    ],
)
def test_the_limits_of_a_lookup_are_not_evaluated(tmp_path, nothing_runs, equation):
    load_and_run(vensim(tmp_path, equation.format(payload=nothing_runs)))

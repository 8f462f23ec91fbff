"""Small models written by the tests, and runs of them on both engines."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

import sdtheory as sd

CONTROLS = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = TIME STEP ~~|\n"
NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"


@pytest.fixture
def vensim(tmp_path):
    """Write equations, ``name = equation`` each, as a Vensim file."""

    def write(*equations: str, before: str = "", after: str = "", controls: str = CONTROLS) -> Path:
        path = tmp_path / "model.mdl"
        blocks = "".join(f"{equation} ~~|\n" for equation in equations)
        path.write_text("{UTF-8}\n" + before + blocks + controls + after, encoding="utf-8")
        return path

    return write


@pytest.fixture
def xmile(tmp_path):
    """Write variables, as elements or as ``name=equation``, as an XMILE file."""

    def write(
        *elements: str,
        dimensions: str = "",
        after: str = "",
        specs: str = "<start>0</start><stop>2</stop><dt>1</dt>",
        method: str = "",
        namespace: str = NAMESPACE,
        **variables: str,
    ) -> Path:
        path = tmp_path / "model.xmile"
        plain = (f'<aux name="{name}"><eqn>{escape(text)}</eqn></aux>' for name, text in variables.items())
        path.write_text(
            f'<xmile version="1.0" xmlns="{namespace}"><header/>\n<sim_specs{method}>{specs}</sim_specs>\n'
            f"{dimensions}<model><variables>\n" + "\n".join((*elements, *plain)) + "\n</variables></model>"
            f"{after}</xmile>",
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture
def run():
    """Run a file on both engines, which must agree; gives each column as a list of its values."""

    def both(path: Path, engines: tuple[str, ...] = ("vectorised", "reference"), **options) -> dict:
        model = sd.load(path, **options)
        first, *others = (sd.simulate(model, engine=engine) for engine in engines)
        for other in others:
            np.testing.assert_allclose(first, other[first.columns], rtol=1e-9, atol=1e-12)
        return {name: first[name].tolist() for name in first.columns}

    return both


@pytest.fixture
def start(run):
    """The values at the start of a run on both engines."""
    return lambda path, **options: {name: values[0] for name, values in run(path, **options).items()}

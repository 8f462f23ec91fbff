"""A folder that a hostile model may lie in, watched."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import matplotlib.font_manager  # noqa: F401  makes its list of fonts once, in the home
import pytest
from unharmed import nothing_sings


@pytest.fixture
def watched(tmp_path, monkeypatch, capfd):
    """A folder with modules that a model's author may have put there, and one for what a use writes.

    Afterwards no canary has sung, and the folder, the home and the current folder are as they were.
    """
    folder, home, out = tmp_path / "folder", tmp_path / "home", tmp_path / "out"
    for one in (folder, home, out):
        one.mkdir()
    for name in ("theory", "setup", "numpy", "conftest", "m0", "model"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py was imported')\n")
    (folder / "data.csv").write_text("1,2\n3,4\n")
    (folder / "names.csv").write_text("one\ntwo\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)

    @contextmanager
    def begin(case, path, text):
        path.write_text(text, encoding="utf-8", newline="")
        try:
            with nothing_sings(folder, home, capfd), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except BaseException as error:
            error.add_note(f"the case: {case}")
            raise

    begin.folder, begin.out = folder, out
    return begin

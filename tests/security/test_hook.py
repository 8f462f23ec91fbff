"""No attack makes the package touch the network, other processes, or files that are not its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from unharmed import snapshot

SCRIPT = Path(__file__).with_name("under_hook.py")
ROOT = Path(__file__).parents[2]


def noted(tmp_path: Path, what: str, *words: object, current: Path) -> list[str]:
    """What the script notes, run with everything of its own in a folder of the test's."""
    own = {name: str(tmp_path / name) for name in ("TMPDIR", "HOME", "SDTHEORY_CACHE", "MPLCONFIGDIR")}
    for folder in own.values():
        Path(folder).mkdir()
    path = os.pathsep.join([str(ROOT), str(SCRIPT.parent)])
    environment = {**os.environ, **own, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), what, *map(str, words)],
        cwd=current, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folders(tmp_path):
    """A folder with modules of a model's author, and one for what is written."""
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("theory", "setup", "numpy", "conftest", "sitecustomize", "black", "m0", "model"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py was imported')\n")
    return folder, out


@pytest.mark.parametrize("many", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_no_attack_reaches_outside(tmp_path, folders, many):
    folder, out = folders
    before = snapshot(folder)
    assert noted(tmp_path, "attack", folder, out, many, current=folder) == []
    assert snapshot(folder) == before


def test_the_hook_sees_what_is_forbidden(tmp_path, folders):
    seen = {one.partition(":")[0] for one in noted(tmp_path, "see", *folders, current=tmp_path)}
    assert seen >= {
        "open", "os.rename", "os.system", "subprocess.Popen", "socket.connect", "pickle.find_class",
        "marshal.loads", "exec", "ctypes.dlopen",
    }  # fmt: skip


def test_importing_the_package_and_what_it_needs_uses_no_network_and_no_process(tmp_path):
    needed = [Requirement(text) for text in requires("sdtheory") or ()]
    names = [one.name for one in needed if one.marker is None]
    assert "pysd" in names
    modules = [
        "sdtheory.cli.main",
        "sdtheory.experiments.compare",
        "matplotlib.figure",
        "openpyxl",
        "lxml.etree",
    ]
    found = noted(tmp_path, "import", *modules, *names, current=tmp_path)
    # matplotlib asks the system for its fonts, once for each user
    assert [one for one in found if "'fc-list'" not in one] == []

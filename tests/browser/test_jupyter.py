"""The editor in a notebook: a real JupyterLab, driven in a browser."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

REQUIRED = os.environ.get("SDTHEORY_REQUIRE_BROWSER") == "1"
CELLS = (
    "import sdtheory as sd\nfrom sdtheory.editor import Editor\neditor = Editor(sd.read('m0.mdl'))\neditor",
    "print('the file is', 'as edited' if editor.document == sd.read('m0.mdl') else 'another')",
)


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a folder with a model and a notebook; its address."""
    for module in ("jupyterlab", "anywidget"):
        if importlib.util.find_spec(module) is None:
            (pytest.fail if REQUIRED else pytest.skip)(f"{module} is not installed: no notebook is tested")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "m0.mdl").write_bytes(Path("models/m0_seed.mdl").read_bytes())
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "source": text,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for n, text in enumerate(CELLS)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    (folder / "n.ipynb").write_text(json.dumps(notebook))
    own = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=t",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    log = tmp_path / "log"
    with open(log, "w") as stream:
        process = subprocess.Popen(
            command, env={**os.environ, **own, "PYTHONPATH": str(Path.cwd())}, stdout=stream, stderr=stream
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text())):
            assert time.monotonic() < deadline and process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{found[1]}", folder
    finally:
        process.terminate()
        process.wait(20)


def run_cell(page, number):
    """Run a cell, and again until the kernel takes it: what is asked before it is there is lost."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    taken = cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[[*\d]"))
    deadline = time.monotonic() + 60
    while not taken.count():
        assert time.monotonic() < deadline, "no kernel runs the cell"
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(2000)


def test_a_model_is_edited_and_saved_in_a_notebook(lab, browser):
    address, folder = lab
    before = (folder / "m0.mdl").read_bytes()
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{address}/lab/tree/n.ipynb?token=t")
        run_cell(page, 0)
        stock = page.locator('.sdtheory-editor .element[data-kind="stock"]').first
        stock.wait_for()
        page.locator(".sdtheory-editor .run-state", has_text="run ok").wait_for()
        box = stock.locator(".hit").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 10, y + 10)
        page.mouse.move(x + 30, y + 20, steps=4)
        page.mouse.up()
        page.locator(".sdtheory-editor .status .said", has_text="moved").wait_for()
        assert (folder / "m0.mdl").read_bytes() == before
        page.keyboard.press("Control+s")
        page.locator(".sdtheory-editor .status .said", has_text="saved").wait_for()
        run_cell(page, 1)
        page.locator(".jp-OutputArea", has_text="the file is as edited").wait_for()
    finally:
        context.close()
    after = (folder / "m0.mdl").read_bytes()
    changed = [new for old, new in zip(before.split(b"\n"), after.split(b"\n"), strict=True) if old != new]
    assert changed and all(re.match(rb"1[0-2]?,\d+,", line) for line in changed), "only lines of the drawing"

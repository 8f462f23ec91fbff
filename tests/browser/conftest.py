"""The editor in a real browser: Chromium of the system, driven by playwright, against a real server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from driving import Editing, visit
from serving import serving

from sdtheory.editor.slow import do
from sdtheory.editor.worker import Worker

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REQUIRED = os.environ.get("SDTHEORY_REQUIRE_BROWSER") == "1"
FLAGS = ["--no-sandbox", "--disable-gpu"]
REFUSED = (
    "Failed to load resource: the server responded with a status of 4"  # how Chromium tells of a refusal
)


class _Shared(Worker):
    """A worker that lasts from test to test, since its start takes seconds."""

    def close(self) -> None:
        """Stay."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a plain word why it is not there."""
    missing = None if CHROMIUM else "Chromium is not installed"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "playwright is not installed"
    if missing:
        (pytest.fail if REQUIRED else pytest.skip)(f"{missing}: the editor is not tested in a browser")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """The process that simulates for all tests."""
    shared = _Shared(do)
    yield shared
    Worker.close(shared)


@pytest.fixture
def edit(browser: Any, worker: Worker, tmp_path: Path) -> Iterator[Callable[..., Editing]]:
    """A function that opens a copy of a model in the editor; at the end the console must have been quiet."""
    with ExitStack() as stack:
        opened: list[Editing] = []

        def open_(model: str | bytes, name: str = "", **how: Any) -> Editing:
            path = tmp_path / (name or Path(str(model)).name)
            path.write_bytes(model if isinstance(model, bytes) else Path("models", model).read_bytes())
            served = stack.enter_context(serving(path, worker=worker, experiments=how.pop("experiments", {})))
            context = browser.new_context(viewport=how.pop("size", {"width": 1400, "height": 900}), **how)
            stack.callback(context.close)
            editing = visit(context, served, path)
            opened.append(editing)
            return editing

        yield open_
        for editing in opened:
            loud = [line for line in editing.console if not (editing.refusals and REFUSED in line)]
            assert loud == [], [(one.request.post_data, one.text()) for one in editing.refused]
            strangers = [
                url for url in editing.requests if not url.startswith(editing.served.admission.origin)
            ]
            assert [url for url in strangers if not url.startswith("data:")] == []

"""A page of the editor in a browser: what a person does there, and what they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import Served


@dataclass
class Editing:
    """A page on a model file: what a person does there, and what they see."""

    page: Any
    served: Served
    path: Path
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)  # answers that were errors
    refusals: bool = False  # whether the test has operations refused

    def element(self, name: str, kind: str = "") -> Any:
        """The drawing of a variable, not of an alias unless asked."""
        own = f'[data-kind="{kind}"]' if kind else ':not([data-kind="alias"])'
        return self.page.locator(f'.element[data-name="{name}"]{own}').first

    def place(self, name: str, kind: str = "") -> tuple[float, float]:
        """The middle of a symbol on the screen."""
        box = self.element(name, kind).locator(".hit").first.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place of the diagram on the screen."""
        matrix = self.page.locator(".viewport").evaluate(
            "node => { const m = node.getScreenCTM(); return [m.a, m.e, m.f]; }"
        )
        return x * matrix[0] + matrix[1], y * matrix[0] + matrix[2]

    def grip(self, handle: str) -> tuple[float, float]:
        """The middle of the first handle of a kind."""
        self.page.locator(f'[data-handle^="{handle}"]').first.wait_for()
        box = self.page.evaluate(
            """(kind) => {
                const box = document.querySelector(`[data-handle^="${kind}"] .grip`).getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }""",
            handle,
        )
        return box[0], box[1]

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Press, move in steps and let go."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move(start[0] + 5, start[1] + 4)
        mouse.move(*stop, steps=4)
        self.page.evaluate("() => new Promise(requestAnimationFrame)")
        mouse.up()

    def press(self, *keys: str) -> None:
        """Keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self, name: str, kind: str = "") -> None:
        """Go to an element as the arrow keys would."""
        self.element(name, kind).focus()

    def hears(self, words: str) -> None:
        """Wait until the live region says something."""
        self.page.locator(".status .said", has_text=words).wait_for(timeout=10_000)

    def warns(self, words: str) -> None:
        """Wait until an alert says something."""
        self.page.locator(".status .warned", has_text=words).wait_for(timeout=10_000)

    def types(self, words: str) -> None:
        """Fill the field that has the focus and press Enter."""
        self.page.locator(".namefield :is(input, textarea)").fill(words)
        self.press("Enter")
        self.page.locator(".namefield").wait_for(state="detached", timeout=10_000)

    def save(self) -> bytes:
        """Save by the keyboard; what the file holds then."""
        self.page.locator(".status .said").evaluate("node => { node.textContent = ''; }")
        self.press("Control+s")
        self.hears("saved")
        return self.path.read_bytes()

    def undo(self, times: int = 1) -> None:
        """Undo, and wait for each."""
        for _ in range(times):
            before = self.served.session.state.revision
            self.press("Control+z")
            self.until(lambda before=before: self.served.session.state.revision > before)

    def until(self, true: Callable[[], Any], seconds: float = 10) -> None:
        """Wait for the server's side."""
        for _ in range(int(seconds * 50)):
            if true():
                return
            self.page.wait_for_timeout(20)
        raise AssertionError("it did not come")

    def field(self, label: str) -> Any:
        """A field of the side panel that is shown."""
        return self.page.locator(".side-body:not([hidden])").get_by_label(label, exact=True).first

    def panel(self, name: str) -> Any:
        """Open a panel."""
        self.page.locator(f'[data-tab="{name}"]').click()
        return self.page.locator(f'[data-panel="{name}"]')

    def ran(self) -> None:
        """Wait for a run of the model."""
        self.page.locator(".run-state", has_text="run ok").wait_for(timeout=30_000)

    @property
    def document(self) -> Any:
        """What the service has."""
        return self.served.session.state.document


def visit(context: Any, served: Served, path: Path) -> Editing:
    """A page of the editor, once its first view is drawn."""
    admission = served.admission
    context.add_cookies([{"name": admission.cookie, "value": admission.secret, "url": admission.origin}])
    page = context.new_page()
    editing = Editing(page, served, path)
    page.on("console", lambda said: editing.console.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: editing.console.append(f"page error: {error}"))
    page.on("request", lambda request: editing.requests.append(request.url))
    page.on("response", lambda one: one.status >= 400 and editing.refused.append(one))
    page.goto(f"{admission.origin}/")
    page.locator(".views button").first.wait_for(timeout=10_000)
    page.set_default_timeout(8_000)
    return editing

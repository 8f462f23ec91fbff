"""Edits of how a Vensim file wants to be run: the control variables and settings line 15."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sdtheory.documents.splice import Edit
from sdtheory.documents.vensim_insert import block_text, inserted
from sdtheory.documents.vensim_writing import Opened, checked_equation, equation_edits, opened, understood
from sdtheory.documents.words import CONTROLS

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

_VARIABLES = {
    "start": "INITIAL TIME",
    "stop": "FINAL TIME",
    "save_every": "SAVEPER",
    "time_step": "TIME STEP",
}
_PURPOSE = {
    "start": "The initial time for the simulation.",
    "stop": "The final time for the simulation.",
    "save_every": "The frequency with which output is stored.",
    "time_step": "The time step for the simulation.",
}
_METHOD = re.compile(r"(?<![^\r\n])15:([^\r\n]*)")
_RUNGE_KUTTA = ("1", "5")


def set_simulation(document: Document, texts: dict[str, str], method: str | None) -> list[Edit]:
    """The equations of the control variables; the 4th number of settings line 15."""
    file = opened(document)
    edits: list[Edit] = []
    missing = []
    for word, text in texts.items():
        name = _VARIABLES[word]
        entry = document.variables.get(name)
        text = checked_equation(document, name, text, entry.equation if entry else None)
        if entry is None:
            missing.append((name, text, _PURPOSE[word]))
        elif text != entry.equation:
            edits += equation_edits(file, file.piece(understood(document, name).blocks[0]), text)
    if missing:
        units = document.simulation.time_units
        blocks = [block_text(name, text, units, purpose) for name, text, purpose in missing]
        edits.append(inserted(file, blocks, CONTROLS))
    if method is not None:
        edits += _method(file, method)
    return edits


def _method(file: Opened, method: str) -> list[Edit]:
    current = file.document.simulation.method
    number = "0" if method == "euler" else "5"
    if (
        current == number
        or (method == "rk4" and current in _RUNGE_KUTTA)
        or (current == "" and number == "0")
    ):
        return []
    text, settings = file.text, file.layout.settings
    if settings is None:
        end_line = "" if file.layout.sketch_end is not None else "///---\\\\\\\n"
        begin = "" if text.endswith(("\n", "\r")) else "\n"
        return [file.edit(len(text), len(text), f"{begin}{end_line}:L\x7f<%^E!@\n15:0,0,0,{number},0,0\n")]
    lines = list(_METHOD.finditer(text, settings))
    if not lines:
        return [file.edit(settings, settings, f"\n15:0,0,0,{number},0,0")]
    start, stop = lines[-1].span(1)
    values = text[start:stop].split(",")
    if len(values) < 4:
        return [file.edit(start, stop, ",".join([*values, *["0"] * (3 - len(values)), number]))]
    start += sum(len(value) + 1 for value in values[:3])
    return [file.edit(start, start + len(values[3]), number)]

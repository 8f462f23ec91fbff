"""What can be taken away: pictures of a view, the causal diagram in every format, and a page to look at."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from sdtheory.diagrams import draw, save_figure
from sdtheory.diagrams.matplotlib import scene_figure
from sdtheory.diagrams.scene import Scene
from sdtheory.diagrams.stock_flow import stock_flow_scenes
from sdtheory.diagrams.svg import svg
from sdtheory.diagrams.tikz import tikz
from sdtheory.documents import Document
from sdtheory.editor import joining
from sdtheory.editor.kinds import KINDS, PAGE, TYPES
from sdtheory.editor.service import of_document, scene
from sdtheory.editor.state import Refused
from sdtheory.editor.work import work
from sdtheory.errors import SDError

_PIXELS = 1000  # that the graphs of a page are drawn on
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style></head>
<body><div id="sdtheory-editor"></div>
<script type="application/json" id="sdtheory-data">{data}</script>
<script type="module">{script}</script></body></html>
"""


def exported(document: Document, kind: str, view: int) -> dict[str, Any]:
    """A file to take away.

    Parameters
    ----------
    document : Document
    kind : str
        One of `sdtheory.editor.kinds.KINDS`.
    view : int
        Of a picture of a view: which one.

    Returns
    -------
    dict
        ``name`` of the file, ``type`` and ``data`` (bytes).

    Raises
    ------
    Refused
        There is no such kind, or nothing to draw.
    SDError
        The model cannot be loaded, and its causal diagram needs it.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> made = exported(read("models/m0_seed.mdl"), "causal.mmd", 0)
    >>> made["name"], made["data"].startswith(b"flowchart")
    ('m0_seed-causal.mmd', True)
    """
    if kind not in KINDS:
        raise Refused("there is no such export", code="kind", field="kind")
    what, _, rest = kind.partition(".")
    suffix = f".{rest}"
    stem = file_stem(document.file)
    if kind == PAGE:
        return {"name": f"{stem}.html", "type": "text/html", "data": page(document).encode()}
    if what == "view":
        data = _picture(_scene(document, view), suffix)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"diagram{suffix}"
            draw(document, path)
            data = path.read_bytes()
    name = f"{stem}-view{view + 1}{suffix}" if what == "view" else f"{stem}-causal{suffix}"
    return {"name": name, "type": TYPES[suffix], "data": data}


def file_stem(name: str) -> str:
    """A model file's name without its suffix, safe in every system.

    Examples
    --------
    >>> file_stem("../Größe & <b>.mdl"), file_stem("CON.mdl")
    ('gr-e-b', 'model-con')
    """
    stem = re.sub(r"[^a-z0-9_-]+", "-", Path(name).name.rpartition(".")[0].lower()).strip("-")[:60]
    reserved = re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d|", stem)
    return f"model-{stem}".rstrip("-") if reserved else stem


def _scene(document: Document, view: int) -> Scene:
    """The drawing of one view; views without a diagram have none."""
    drawn = [
        number
        for number, one in enumerate(document.views)
        if one.kind == "stock_flow"
        and any(each.kind in ("stock", "flow", "auxiliary") for each in one.elements)
    ]
    if drawn and view not in drawn:
        raise Refused("this view has no diagram", code="view", field="view")
    return stock_flow_scenes(document)[drawn.index(view) if drawn else 0]


def _picture(scene: Scene, suffix: str) -> bytes:
    if suffix in (".svg", ".tex"):
        return (svg if suffix == ".svg" else tikz)(scene).encode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"diagram{suffix}"
        save_figure(scene_figure(scene), path)
        return path.read_bytes()


def page(document: Document) -> str:
    """One file that shows a model and needs nothing else: to be looked at, not edited.

    It holds every view, a run, the loops and their shares over time, as far as the model has them.

    Parameters
    ----------
    document : Document

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> page(read("models/m0_seed.mdl"))[:15]
    '<!DOCTYPE html>'
    """
    state = of_document(document)
    scenes = {view: scene(state, view) for view in range(max(1, len(document.views)))}
    outputs = [entry.name for entry in document.variables.values()]
    asked = {"simulate": {"outputs": outputs, "width": _PIXELS}, "loops": {}, "dominance": {}}
    made = {op: _worked(document, op, arguments) for op, arguments in asked.items()}
    data = {
        "scenes": {str(view): {**one, "read_only": True, "session": ""} for view, one in scenes.items()},
        # of the same model the same page
        "run": made["simulate"] and {**made["simulate"], "seconds": None},
        "loops": made["loops"],
        "dominance": made["dominance"],
    }
    call = 'sdtheoryEditor.render({ model: undefined, el: document.getElementById("sdtheory-editor") });\n'
    script = f"\n{joining.as_script(joining.module(), 'sdtheoryEditor')}{call}"
    style = f"\n{joining.style()}"
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    title = escape(document.name or document.file)
    return _PAGE.format(policy=policy, title=title, style=style, script=script, data=json_block(data))


def _worked(document: Document, op: str, arguments: Mapping[str, Any]) -> Any:
    """A reply of the service; None where the model has none."""
    try:
        return work(document, op, arguments, {})
    except SDError:
        return None


def json_block(value: Any) -> str:
    r"""JSON that can stand in a script block of a page, whatever texts it holds.

    Examples
    --------
    >>> print(json_block({"name": "</script><!-- &"}))
    {"name": "\u003c/script\u003e\u003c!-- \u0026"}
    """
    text = json.dumps(value, allow_nan=False)
    return re.sub(r"[<>&]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

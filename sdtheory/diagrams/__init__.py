"""From a value to a picture: `draw` chooses by what it gets and by the suffix of the file."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdtheory.errors import UsageError, escaped, shown
from sdtheory.names import nearest

# what prints a scene: module and function
PICTURES = {
    ".svg": ("svg", "svg"),
    ".pdf": ("matplotlib", "scene_figure"),
    ".png": ("matplotlib", "scene_figure"),
    ".tex": ("tikz", "tikz"),
}
# what writes a graph
GRAPHS = {
    ".dot": ("dot", "dot"),
    ".graphml": ("graphml", "graphml"),
    ".gexf": ("gexf", "gexf"),
    ".cyjs": ("cytoscape", "cyjs"),
    ".mmd": ("mermaid", "mermaid"),
    ".drawio": ("drawio", "drawio"),
    ".kumu.json": ("kumu", "kumu"),
    ".loopy": ("loopy", "loopy"),
    ".json": ("json_graph", "json_graph"),
}
# what writes a graph as the causal diagram of a program for models
MODELS = {
    ".mdl": ("vensim_diagram", "vensim_diagram"),
    ".xmile": ("xmile_diagram", "xmile_diagram"),
}
WRITERS = PICTURES | GRAPHS | MODELS
SUFFIXES = tuple(WRITERS)
METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": "sdtheory"},
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "sdtheory"},
    ".png": {"Software": "sdtheory"},
}


def draw(
    what: Any,
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    highlight: str | Sequence[str] | None = None,
    loop_names: Iterable[Mapping] = (),
    title: str = "",
    view: str = "causal",
    layout: str | Mapping[str, tuple[float, float]] | None = None,
    scores: Any = None,
    simplify: float | None = None,
    run: Any = None,
) -> None:
    """Draw a causal diagram or a stock-flow diagram, or write the causal graph for another program.

    Parameters
    ----------
    what : Document, Model or networkx.DiGraph
        A document's own views are kept. Any directed graph whose nodes are texts will do.
    path : path-like or sequence of path-like
        Several files get the same picture.
        The suffix chooses the format: ``.svg .pdf .png .tex`` are pictures; ``.dot .graphml .gexf .cyjs .mmd
        .drawio .kumu.json .loopy .json`` hold the whole graph; ``.mdl .xmile`` hold it as a causal diagram.
    highlight : str or sequence of str, optional
        Ids or names of loops; the first is drawn as a ring unless the places are given.
    loop_names : iterable of mapping
        Names for loops, as in an experiment file.
    title : str
    view : str
        ``"causal"``, or ``"stock-flow"`` for a picture of each view of the file; the second and later go to
        ``name-2.svg`` and so on. What has no view is laid out.
    layout : str or mapping, optional
        ``"loops"`` for new places even where the file has some; or places by name, (x, y), y down.
    scores : mapping or DataFrame, optional
        Shares from 0 to 1 by loop (id or name) or by link (source, target), or what `loop_dominance` gives:
        lines are 1 to 5 pixels wide.
    simplify : float, optional
        Keep only the links of loops with at least this share.
    run : DataFrame, optional
        One run of the model; settles signs that its equations leave open.

    Raises
    ------
    UsageError
        For an unknown suffix, view or layout, for what cannot be drawn, or a file that cannot be written.
    UnknownName
        For a loop or link that does not exist.

    Examples
    --------
    >>> import sdtheory as sd, tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sd.draw(sd.load("models/m0_seed.xmile"), os.path.join(folder, "m0.svg"), highlight="R1")
    """
    paths = map(Path, [path] if isinstance(path, str | os.PathLike) else path)
    files = [(one, _suffix(one)) for one in paths]
    if view not in ("causal", "stock-flow"):
        raise UsageError(f"unknown view '{shown(view)}'", remedy="use 'causal' or 'stock-flow'")
    if view == "stock-flow":
        for one, suffix in files:
            _draw_stock_flow(what, one, suffix, title)
        return
    options = {"highlight": highlight, "loop_names": loop_names, "title": title, "layout": layout}
    _draw_causal(what, files, **options, scores=scores, simplify=simplify, run=run)


def _draw_causal(what: Any, files: Sequence[tuple[Path, str]], **options: Any) -> None:
    """One picture for all files that show it, and one with constants for those that hold the whole graph."""
    from sdtheory.diagrams.causal import causal_scene
    from sdtheory.diagrams.preparing import causal_picture

    for _, suffix in files:
        _refuse_models(what, suffix)
    for whole in (False, True):
        chosen = [(path, suffix) for path, suffix in files if (suffix not in PICTURES) == whole]
        if chosen:
            picture = causal_picture(what, **options, whole=whole)
            made = picture if whole else causal_scene(picture)
            for path, suffix in chosen:
                _save(suffix, made, path)


def _suffix(path: str | Path) -> str:
    """The longest suffix of a path that is known.

    Raises
    ------
    UsageError
        With the nearest one.
    """
    name = Path(path).name.lower()
    known = [suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix]
    if known:
        return max(known, key=len)
    suffix = Path(path).suffix
    close = nearest(suffix, SUFFIXES)
    hint = f"did you mean '{close}'?" if close else f"use one of {', '.join(SUFFIXES)}"
    raise UsageError(f"cannot draw to '{shown(suffix or str(path))}'", remedy=hint)


def _refuse_models(what: Any, suffix: str) -> None:
    """A model is converted into another format, not drawn in it."""
    if suffix in MODELS and not hasattr(what, "edges"):
        raise UsageError(
            f"a model is not drawn to '{suffix}'",
            remedy="use convert for the model, or draw its causal_graph for a causal diagram",
        )


def _draw_stock_flow(what: Any, path: str | Path, suffix: str, title: str) -> None:
    if suffix not in PICTURES:
        pictures = ", ".join(PICTURES)
        raise UsageError(
            f"a stock-flow diagram cannot be drawn to '{suffix}'", remedy=f"use one of {pictures}"
        )
    from sdtheory.diagrams.stock_flow import stock_flow_scenes

    whole = Path(path)
    stem = whole.name[: -len(suffix)]
    for number, scene in enumerate(stock_flow_scenes(what, title), 1):
        name = whole.name if number == 1 else f"{stem}-{number}{whole.name[-len(suffix) :]}"
        _save(suffix, scene, whole.with_name(name))


def _save(suffix: str, value: Any, path: str | Path) -> None:
    """Write a scene or picture in the format of the suffix."""
    module, function = WRITERS[suffix]
    made = getattr(importlib.import_module(f"sdtheory.diagrams.{module}"), function)(value)
    if not isinstance(made, str):
        save_figure(made, path)
        return
    # a half of a surrogate pair, which no text should hold, is replaced
    _write(made.encode("utf-8", "replace"), path)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure without times or random ids, so that the same picture gives the same bytes.

    In an SVG, signs of names that do not print, some of which XML does not allow, are escaped.
    """
    import io
    import warnings

    import matplotlib

    from sdtheory.diagrams.matplotlib import STYLE

    suffix = Path(path).suffix.lower()
    written = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # letters that no font has are drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(written, format=suffix[1:], metadata=METADATA[suffix], dpi=200)
    data = written.getvalue()
    if suffix == ".svg":
        lines = data.decode("utf-8").split("\n")
        data = "\n".join(line if line.isprintable() else escaped(line) for line in lines).encode("utf-8")
    _write(data, path)


def _write(data: bytes, path: str | Path) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write '{shown(str(path))}': {error.strerror or error}") from error


__all__ = ["SUFFIXES", "draw", "save_figure"]

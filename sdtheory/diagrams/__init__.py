"""From a value to a picture: `draw` chooses by what it gets and by the suffix of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdtheory.errors import UsageError, shown
from sdtheory.names import nearest

SUFFIXES = (".svg", ".pdf", ".png")
METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": "sdtheory"},
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "sdtheory"},
    ".png": {"Software": "sdtheory"},
}


def draw(
    what: Any, path: str | Path, *, highlight: str | None = None, loop_names: Any = (), title: str = ""
) -> None:
    """Draw a causal-loop diagram.

    Parameters
    ----------
    what : Model, Document or networkx.DiGraph
        A document is loaded first.
    path : path-like
        The suffix chooses the format: ``.svg``, ``.pdf`` or ``.png``.
    highlight : str, optional
        Id or name of the loop to highlight and draw as a ring.
    loop_names : iterable of mapping
        Names for loops, as in an experiment file.
    title : str

    Raises
    ------
    UsageError
        For an unknown suffix.
    UnknownName
        For a loop that does not exist.

    Examples
    --------
    >>> import sdtheory as sd, tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sd.draw(sd.load("models/m0_seed.xmile"), os.path.join(folder, "m0.svg"), highlight="R1")
    """
    from sdtheory.diagrams.causal import causal_figure
    from sdtheory.documents import Document
    from sdtheory.feedback.causal import causal_graph
    from sdtheory.feedback.loops import find_loops
    from sdtheory.model.model import Model

    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        close = nearest(suffix, SUFFIXES)
        hint = f"did you mean '{close}'?" if close else f"use one of {', '.join(SUFFIXES)}"
        raise UsageError(f"cannot draw to '{shown(suffix or str(path))}'", remedy=hint)
    if isinstance(what, Document):
        from sdtheory.translate import load

        what = load(what)
    graph = causal_graph(what) if isinstance(what, Model) else what
    loops = find_loops(graph, names=loop_names)
    chosen = loops.find(highlight) if highlight else None
    save_figure(causal_figure(graph, loops, chosen, title), path)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure without times or random ids, so that the same picture gives the same bytes."""
    import matplotlib

    from sdtheory.diagrams.matplotlib import STYLE

    suffix = Path(path).suffix.lower()
    try:
        with matplotlib.rc_context(STYLE):
            figure.savefig(path, metadata=METADATA[suffix], dpi=200)
    except OSError as error:
        raise UsageError(f"cannot write '{shown(str(path))}': {error.strerror or error}") from error


__all__ = ["draw", "save_figure"]

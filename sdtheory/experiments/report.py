"""A comparison written into a folder: tables, samples, plots, and one page that can be read anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdtheory.documents.saving import put_bytes
from sdtheory.errors import SDError, escaped
from sdtheory.experiments.plots import KINDS, Asked, plot
from sdtheory.experiments.report_page import page
from sdtheory.tables import safe_table

if TYPE_CHECKING:
    from sdtheory.documents.document import Document
    from sdtheory.experiments.comparison import Comparison

LAID_OUT = 40  # variables of a model up to which a picture is laid out where no view is given
TABLES = ("table", "differences", "regret", "satisficing", "undominated", "maximin")


def save(comparison: Comparison, folder: Path, document: Document | None = None) -> None:
    """Write tables as CSV, samples, plots with their data, a netCDF file, result.json and report.html.

    Equal comparisons give equal bytes.

    Parameters
    ----------
    comparison : Comparison
    folder : path
    document : Document, optional
        The model's file: its views are the report's picture. A small model without one is laid out.

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    from sdtheory.diagrams import save_figure

    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        _write(folder / f"{name}.csv", safe_table(getattr(comparison, name)()).to_csv(index=False))
    _write(folder / "samples.csv", safe_table(comparison.samples).to_csv(index_label="run"))
    _write(folder / "experiment.toml", comparison.experiment.toml)
    result = json.dumps(comparison.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    _write(folder / "result.json", result + "\n")
    _write_netcdf(comparison.dataset, folder / "dataset.nc")
    pictures = _views(comparison, folder, document)
    loops, missing = _loops(comparison)
    for name, frame in loops.items():
        _write(folder / f"{name}.csv", safe_table(frame).to_csv(index=False))
    for kind in KINDS:
        if kind == "loops" and not loops:
            continue
        try:
            figure, data = plot(comparison, kind, Asked())
        except SDError:
            continue  # nothing to show: no series, no direction, no second policy
        save_figure(figure, folder / f"{kind}.svg")
        _write(folder / f"{kind}.csv", safe_table(data).to_csv(index=False))
        pictures[kind] = (folder / f"{kind}.svg").read_bytes()
    _write(folder / "report.html", page(comparison, pictures, missing))


def _views(comparison: Comparison, folder: Path, document: Document | None) -> dict[str, bytes]:
    """The stock-flow pictures: of the file's views, or one of a small model that is laid out."""
    from sdtheory.diagrams.stock_flow import stock_flow_scenes
    from sdtheory.diagrams.svg import svg

    model = comparison.model
    what = document if document is not None else model
    if what is None or (document is None and len(model.variables) > LAID_OUT):
        return {}
    found = {}
    for number, scene in enumerate(stock_flow_scenes(what), 1):
        name = "stock-flow" if number == 1 else f"stock-flow-{number}"
        found[name] = svg(scene).encode("utf-8", "replace")
        put_bytes(folder / f"{name}.svg", found[name])
    return found


def _loops(comparison: Comparison) -> tuple[dict[str, Any], str]:
    """Tables of the shares of loops, and why there are none."""
    try:
        return {"loops": comparison.loops.table(), "loop_differences": comparison.loop_differences()}, ""
    except SDError as error:
        return {}, error.message


def _write(path: Path, text: str) -> None:
    put_bytes(path, text.encode())


def _plain(name: str) -> str:
    """A name as the format takes it; other letters are written by their numbers."""
    return (
        escaped(name)
        .replace("/", "|")
        .replace("\n", " ")
        .encode("latin-1", "backslashreplace")
        .decode("latin-1")
    )


def _write_netcdf(data: Any, path: Path) -> None:
    """The dataset for other programs; names there hold no slash and no letters beyond Latin-1."""
    data = data.reset_coords([name for name in data.coords if name not in data.dims])
    names = {name: _plain(str(name)) for name in (*data.data_vars, *data.coords)}
    data = data.rename({name: plain for name, plain in names.items() if name != plain})
    put_bytes(path, bytes(data.to_netcdf(engine="scipy")))

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
    from sdtheory.experiments.comparison import Comparison

TABLES = ("table", "differences", "regret", "satisficing", "undominated", "maximin")


def save(comparison: Comparison, folder: Path) -> None:
    """Write tables as CSV, samples, plots with their data, a netCDF file, result.json and report.html.

    Equal comparisons give equal bytes.

    Parameters
    ----------
    comparison : Comparison
    folder : path

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
    pictures = {}
    for kind in KINDS:
        try:
            figure, data = plot(comparison, kind, Asked())
        except SDError:
            continue  # nothing to show: no series, no direction, no second policy
        save_figure(figure, folder / f"{kind}.svg")
        _write(folder / f"{kind}.csv", safe_table(data).to_csv(index=False))
        pictures[kind] = (folder / f"{kind}.svg").read_bytes()
    _write(folder / "report.html", page(comparison, pictures))


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

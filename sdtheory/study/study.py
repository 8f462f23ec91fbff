"""Run the study: the same futures and policies on every rung, verdicts, figures and a report."""

from __future__ import annotations

import json
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

import sdtheory as sd
from sdtheory.errors import UsageError
from sdtheory.study.baseline import base_piece, better_piece
from sdtheory.study.drivers import box_piece, drivers_piece, race_piece
from sdtheory.study.extensions import extensions_piece
from sdtheory.study.loops import loops_piece
from sdtheory.study.material import Material
from sdtheory.study.page import markdown_page, study_page
from sdtheory.study.policies import heatmap_piece, spectrum_piece, trade_piece
from sdtheory.study.steps import Record, Step, identity
from sdtheory.study.thresholds import threshold_piece
from sdtheory.study.verdicts import switches_piece, verdict_piece

# in the order of the report; what needs the switched ladder comes first
STEPS: tuple[Step, ...] = (
    ("verdicts", verdict_piece),
    ("switches", switches_piece),
    ("trade", trade_piece),
    ("difficulties", race_piece),
    ("thresholds", threshold_piece),
    ("better before worse", better_piece),
    ("boxes", box_piece),
    ("drivers", drivers_piece),
    ("spectrum", spectrum_piece),
    ("policies", heatmap_piece),
    ("loops", loops_piece),
    ("optional models", extensions_piece),
    ("base runs", base_piece),
)

Progress = Callable[[int, int, str], None]


def models_folder() -> Path:
    """The folder of the study's models: beside the package in a checkout, else where it was installed."""
    beside = Path(sd.__file__).resolve().parent.parent / "models"
    installed = Path(sysconfig.get_path("data")) / "share" / "sdtheory" / "models"
    for folder in (beside, installed):
        if (folder / "ladder.toml").exists():
            return folder
    raise UsageError("the study's models are not found", remedy="run in a checkout, or give --models FOLDER")


def run_study(
    folder: str | Path,
    runs: int | None = None,
    seed: int | None = None,
    models: str | Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> dict:
    """Run every step, write figures and report into a folder, and give the verdicts.

    A run that was stopped goes on after its last finished step when it is started again with the same models,
    runs and seed.

    Parameters
    ----------
    folder : path-like
    runs, seed : int, optional
        In place of those of ``futures.toml``.
    models : path-like, optional
        The folder of ``ladder.toml``.
    jobs : int, optional
        Threads; results do not depend on it.
    progress : callable, optional
        Called with (steps done, steps in all, what is being done).

    Returns
    -------
    dict
        What verdict.json holds.

    Raises
    ------
    UsageError
        When the folder cannot be written or there are no runs.
    SDError
        When a model is missing, or a rung does not start where the first one does; the rung, the quantity and
        both values are named.
    """
    if runs is not None and runs < 1:
        raise UsageError(f"{runs} runs make no study", remedy="give --runs 1 or more")
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target).close()  # found out now, not after the runs
    except OSError as error:
        raise UsageError(f"cannot write to '{target}': {error.strerror}") from None
    source = Path(models) if models else models_folder()
    done = 0

    def say(text: str) -> None:
        if progress is not None:
            progress(done, len(STEPS), text)

    material = Material(source, runs, seed, jobs, say)
    record = Record(target, identity(source, material.runs, material.seed, sd.__version__))
    if record.steps:
        say(f"going on with a study that was stopped, {len(record.steps)} steps in")
    found = {}
    for name, make in STEPS:
        say(name)
        try:
            found[name] = record.done(name) or record.make(name, make(material))
        except OSError as error:
            raise UsageError(f"cannot write to '{target}': {error.strerror}") from None
        done += 1
    say("report")
    verdicts = found["verdicts"].data["verdicts"]
    parts = [step.part for step in found.values()]
    pictures = {stem: (target / f"{stem}.svg").read_bytes() for part in parts for stem in part.pictures}
    text = json.dumps(verdicts, indent=1, allow_nan=False, ensure_ascii=False)
    for name, content in (
        ("verdict.json", text + "\n"),
        ("verdict.md", markdown_page(parts, material.runs, material.seed)),
        ("report.html", study_page(parts, pictures, material.runs, material.seed)),
    ):
        (target / name).write_text(content, encoding="utf-8")
    record.close()
    return verdicts

"""A comparison written into a folder: tables, samples, plots and one page to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdtheory.experiments.comparison import Comparison


def save(comparison: Comparison, folder: Path) -> None:
    """Write table.csv, differences.csv, regret.csv, samples.csv, result.json and experiment.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    comparison.table().to_csv(folder / "table.csv", index=False)
    comparison.differences().to_csv(folder / "differences.csv", index=False)
    comparison.regret().to_csv(folder / "regret.csv", index=False)
    comparison.samples.to_csv(folder / "samples.csv", index_label="run")
    if comparison.experiment.text:
        (folder / "experiment.toml").write_text(comparison.experiment.text, encoding="utf-8")
    result = json.dumps(comparison.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    (folder / "result.json").write_text(result + "\n", encoding="utf-8")

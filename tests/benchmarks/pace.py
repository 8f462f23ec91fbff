"""Measures the contenders in turn, compares their ratios with those on record, and writes tables."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from contenders import CONTENDERS, JUDGED, VECTORISED, YARDSTICKS

REPORT = pytest.StashKey[list[str]]()  # lines to print at the end
# before there is any load of our own; infinite where the system does not tell
LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("inf")
RECORD = Path(__file__).with_name("ratios.json")
ROUNDS, MOST_ROUNDS = 5, 20
LEAST = 0.8  # of the ratio on record

Ratios = Mapping[str, Mapping[str, float]]


def processor() -> str:
    """What the ratios depend on."""
    import llvmlite.binding

    return llvmlite.binding.get_host_cpu_name()


def recorded() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Ratios by processor, case, engine of ours and yardstick."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def record(case: str, found: Ratios) -> None:
    """Put the ratios of a case on record for this processor."""
    known = recorded()
    known.setdefault(processor(), {})[case] = {
        engine: {yardstick: float(f"{ratio:.3g}") for yardstick, ratio in others.items()}
        for engine, others in found.items()
    }
    RECORD.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def in_turn(
    tasks: Mapping[str, Callable[[], object]],
    best: dict[str, float],
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """The least seconds of each task, going forth and back through them all; `best` is made better."""
    forth = list(tasks.items())
    for turn in range(ROUNDS):
        for name, task in reversed(forth) if turn % 2 else forth:
            begun = clock()
            task()
            best[name] = min(best.get(name, float("inf")), clock() - begun)
    return best


def ratios(speeds: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """How many times as fast as each yardstick our engines are, from runs a second."""
    return {
        engine: {other: speeds[engine] / speeds[other] for other in YARDSTICKS if other in speeds}
        for engine in JUDGED
    }


def slower(now: Ratios, before: Ratios) -> list[str]:
    """Engines that lost more than a fifth against every yardstick, so that none of these alone is to blame.

    Examples
    --------
    >>> slower({"compiled": {"PySD": 70.0, "hand C": 0.7}}, {"compiled": {"PySD": 100.0, "hand C": 1.0}})
    ['compiled: 70 times PySD (100 on record), 0.7 times hand C (1 on record)']
    >>> slower({"compiled": {"PySD": 70.0, "hand C": 0.9}}, {"compiled": {"PySD": 100.0, "hand C": 1.0}})
    []
    """
    found = []
    for engine, others in now.items():
        both = {other: (ratio, before[engine][other]) for other, ratio in others.items()
                if other in before.get(engine, {})}  # fmt: skip
        if both and max(ratio / old for ratio, old in both.values()) < LEAST:
            told = (f"{ratio:.3g} times {name} ({old:.3g} on record)" for name, (ratio, old) in both.items())
            found.append(f"{engine}: {', '.join(told)}")
    return found


def of_each(case: str, speeds: Mapping[str, float], apart: Mapping[str, float]) -> list[str]:
    """Lines about one case: runs a second of one core, ratios, greatest difference from the vectorised engine."""
    columns = [name for name in (VECTORISED, *YARDSTICKS) if name in speeds]
    head = ["runs/s", *(f"/ {name}" for name in columns), "differs by", "keeps"]
    rows = [
        [
            one.name,
            short(speeds[one.name]),
            *(short(speeds[one.name] / speeds[name]) for name in columns),
            f"{apart[one.name]:.1g}",
            one.keeps,
        ]
        for one in CONTENDERS
        if one.name in speeds
    ]
    return table([case, *head], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells, the first and the last column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = []
    for first, *middle, last in (head, *rows):
        cells = (cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells, last]))
    return lines


def short(number: float) -> str:
    """Three digits.

    Examples
    --------
    >>> short(123456.0), short(0.012345)
    ('123,000', '0.0123')
    """
    return f"{float(f'{number:.3g}'):,.10g}"

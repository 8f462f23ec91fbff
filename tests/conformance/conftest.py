"""Prints the counts of the conformance files at the end of the run."""

from __future__ import annotations

import json
from pathlib import Path

import tally


def pytest_terminal_summary(terminalreporter, config):
    outcomes = config.stash.get(tally.OUTCOMES, {})
    if not outcomes:
        return
    terminalreporter.section("conformance")
    for line in (*tally.table(outcomes), tally.LEGEND, *tally.apart(outcomes)):
        terminalreporter.write_line(line)
    report = config.getoption("--conformance-report")
    if report:
        Path(report).write_text(json.dumps(outcomes, indent=1, sort_keys=True) + "\n", encoding="utf-8")

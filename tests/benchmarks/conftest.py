"""Prints what the benchmarks measured at the end of the run."""

from __future__ import annotations

import pace
import pytest


@pytest.fixture
def report(request):
    """Lines to print at the end; each test's begin with an empty one."""
    lines = request.config.stash.setdefault(pace.REPORT, [])
    lines.append("")
    return lines


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(pace.REPORT, [])
    if lines:
        terminalreporter.section("benchmarks")
        terminalreporter.write_line(
            f"CPU time of one core, least of {pace.ROUNDS} or more rounds in which all take their turn; "
            f"processor {pace.processor()}, load average {pace.LOAD:.2f} at the start"
        )
        terminalreporter.write_line(
            "/ NAME: runs/s over NAME's; differs by: from the vectorised engine, in units of the largest value"
        )
        for line in lines:
            terminalreporter.write_line(line)

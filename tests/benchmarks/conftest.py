"""Prints what the benchmarks measured at the end of the run."""

from __future__ import annotations

import gc

import pace
import pytest


@pytest.fixture
def report(request):
    """Lines to print at the end; each test's begin with an empty one."""
    lines = request.config.stash.setdefault(pace.REPORT, [])
    lines.append("")
    return lines


@pytest.fixture
def frozen():
    """As an editor does when it has begun: what is there already is not searched for garbage at each turn."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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

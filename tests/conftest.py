"""Options of the test suite."""

from __future__ import annotations


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption(
        "--conformance", metavar="DIR", help="run every model below DIR against its stored output"
    )
    group.addoption("--conformance-report", metavar="FILE", help="write the outcome of each file as JSON")

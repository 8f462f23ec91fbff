"""Options of the test suite."""

from __future__ import annotations

import os
import tempfile

import pytest

CACHE = pytest.StashKey[tempfile.TemporaryDirectory]()


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption(
        "--conformance", metavar="DIR", help="run every model below DIR against its stored output"
    )
    group.addoption("--conformance-report", metavar="FILE", help="write the outcome of each file as JSON")


def pytest_configure(config):
    """Tests neither read what earlier runs have cached nor fill the user's cache."""
    config.stash[CACHE] = tempfile.TemporaryDirectory(prefix="sdtheory-tests-")
    os.environ["SDTHEORY_CACHE"] = config.stash[CACHE].name


def pytest_unconfigure(config):
    config.stash[CACHE].cleanup()

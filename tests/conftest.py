"""Options of the test suite."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tests leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDTHEORY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption(
        "--conformance", metavar="DIR", help="run every model below DIR against its stored output"
    )
    group.addoption("--conformance-report", metavar="FILE", help="write the outcome of each file as JSON")

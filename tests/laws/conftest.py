"""Fixtures of the laws."""

from pathlib import Path

import pytest
from xmile_edit_checks import Recorded


@pytest.fixture
def recorded():
    """The edits that were spliced last."""
    with pytest.MonkeyPatch.context() as patch:
        yield Recorded(patch)


@pytest.fixture
def corpus(request):
    """A function that gives the files of a corpus by their suffixes; the test is skipped where there is none."""
    folder = request.config.getoption("--conformance", default=None)
    if not folder:
        pytest.skip("pass --conformance DIR")

    def files(*suffixes):
        found = sorted(path for path in Path(folder).rglob("*") if path.suffix in suffixes)
        assert found, f"no {', '.join(suffixes)} below {folder}"
        return found

    return files

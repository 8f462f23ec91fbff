"""Fixtures of the laws."""

import pytest
from xmile_edit_checks import Recorded


@pytest.fixture
def recorded():
    """The edits that were spliced last."""
    with pytest.MonkeyPatch.context() as patch:
        yield Recorded(patch)

"""The command as a person calls it: no traceback, and an exit code."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sdtheory.cli.main import main


@pytest.fixture
def sdtheory():
    def call(*arguments):
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return call

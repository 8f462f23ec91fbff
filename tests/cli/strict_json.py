"""JSON as the standard has it, without NaN and infinities."""

from __future__ import annotations

import json


def refuse(constant):
    raise AssertionError(f"{constant} is not strict JSON")


def document(done):
    """What a command printed as JSON on standard output."""
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout, parse_constant=refuse)

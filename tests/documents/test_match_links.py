"""An equation and the connectors that it asks for change in one edit, the same as one after the other."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdtheory as sd

DOCUMENTS = {name: sd.read(f"models/{name}") for name in ("m0_seed.mdl", "m0_seed.xmile", "m1_delays.mdl")}
NAMES = ["capability", "understanding", "search leverage", "opaque share", "explanation"]


@pytest.mark.parametrize("file", DOCUMENTS)
@given(
    target=st.sampled_from([*NAMES, "theorists"]),
    parts=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_matching_links_at_once_is_setting_the_equation_and_then_matching(file, target, parts):
    document = DOCUMENTS[file]
    stock = document.entry(target).kind == "stock"
    text = " * ".join(name.replace(" ", "_") if document.format == "xmile" else name for name in parts)
    if document.format == "vensim" and stock:
        text = f"INTEG({text}, 1)"
    at_once = document.set_equation(target, text, links="match")
    assert at_once == document.set_equation(target, text)._edited("match_links", target)
    # a stock among the terms of a rate is read as a flow, so only other variables are checked
    assert stock or not [
        issue
        for issue in sd.check(at_once)
        if issue.code in ("missing-connector", "extra-connector") and issue.variable == target
    ]

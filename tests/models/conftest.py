"""The study's ladder, loaded once, and futures drawn from the ranges that the files themselves state."""

from __future__ import annotations

import re

import numpy as np
import pytest

import sdtheory as sd

RUNGS = ("m0_seed", "m1_delays", "m2_search_space", "m3_spectrum", "m4_paradigms")
OPTIONAL = ("m5_extensions", "m5_two_labs")
FORMATS = ("xmile", "mdl")
AREAS = ("architecture", "hyperparameters", "training")
ROLES = ("theorist", "mostlytheory", "mixed", "mostlyexperiment", "experimenter")
TYPICAL_DELAY = (0.25, 4.0)
TILT = (-4.0, 1.0)
MIX = np.array([0.04, 0.11, 0.35, 0.30, 0.20])
ORIENTATION = np.array([1.0, 0.75, 0.5, 0.25, 0.0])


@pytest.fixture(scope="session")
def ladder():
    return {(rung, kind): sd.load(f"models/{rung}.{kind}") for rung in RUNGS + OPTIONAL for kind in FORMATS}


@pytest.fixture(scope="session")
def stated_ranges():
    """What the documentation says of a constant: its study ranges, one or one for each element."""

    def ranges(variable):
        text = " ".join(variable.documentation.split())
        found = re.search(r"Study range (.*?);", text)
        numbers = re.findall(r"(-?\d[\d.]*) to (-?\d[\d.]*)", found.group(1)) if found else []
        return [(float(low), float(high)) for low, high in numbers]

    return ranges


@pytest.fixture(scope="session")
def futures(stated_ranges):
    """Futures as the study draws them; at `corners` every parameter is at one end of its range."""

    def draw(model, runs, seed, corners=False):
        rng = np.random.default_rng(seed)

        def between(low, high):
            return rng.choice([low, high], runs) if corners else rng.uniform(low, high, runs)

        columns = {}
        for variable in model:
            if variable.kind != "constant" or variable.name == "calendar preparation rate":
                continue
            name, ranges = variable.name, stated_ranges(variable)
            if name == "search weight":
                columns |= _by_element(name, AREAS, rng.dirichlet([3, 3, 3], runs).T)
            elif name == "adoption delay" and len(ranges) == 3:
                typical = between(*TYPICAL_DELAY)
                delays = [np.maximum(0.15, typical * part / 1.17) for part in (2, 0.5, 1)]
                columns |= _by_element(name, AREAS, delays)
            elif len(ranges) == 3:
                columns |= _by_element(name, AREAS, [between(*ends) for ends in ranges])
            elif ranges:
                columns[name] = between(*ranges[0])
        shares = MIX[:, None] * np.exp(between(*TILT) * (ORIENTATION[:, None] - 0.5))
        shares /= shares.sum(axis=0)
        if "initial mix" in model:
            columns |= _by_element("initial mix", ROLES, shares)
        else:
            columns["theorist fraction"] = ORIENTATION @ shares
        return columns

    return draw


def _by_element(name, elements, columns):
    return {f"{name}[{element}]": column for element, column in zip(elements, columns, strict=True)}

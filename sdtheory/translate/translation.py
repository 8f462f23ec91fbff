"""What the reference engine builds from: PySD's abstract model, in which every name is a number."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdtheory.model.functions import FUNCTIONS
from sdtheory.translate.codec import Codec

WORDS = frozenset(
    {"interpolate", "extrapolate", "hold_backward", "look_forward", "raw", "main", "macro", "__main__"}
    | {"Auxiliary", "Normal", "Constant", "Unchangeable", "Lookup", "Hardcoded", "Data", "Stateful", "Integ"}
    | {"x", "negative", ":AND:", ":OR:", ":NOT:", "and", "or", "not"}
    | {"+", "-", "*", "/", "^", "=", "<>", "<", "<=", ">", ">=", "", "External"}
    | {"time", "initial_time", "final_time", "time_step", "saveper"}
    | {"INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"}
)
NUMBERED = re.compile(r"[vde]\d+!?|m\d+(\.py)?|model\.(py|mdl)", re.ASCII)
MODEL_CLASSES = (
    "AbstractModel", "AbstractSection", "AbstractSubscriptRange", "AbstractElement", "AbstractControlElement",
    "AbstractComponent", "AbstractUnchangeableConstant", "AbstractLookup", "AbstractData",
)  # fmt: skip
STRUCTURES = (
    "ArithmeticStructure", "LogicStructure", "SubscriptsReferenceStructure", "ReferenceStructure",
    "CallStructure", "GameStructure", "AllocateAvailableStructure", "AllocateByPriorityStructure",
    "InitialStructure", "IntegStructure", "DelayStructure", "DelayNStructure", "DelayFixedStructure",
    "SmoothStructure", "SmoothNStructure", "TrendStructure", "ForecastStructure", "SampleIfTrueStructure",
    "LookupsStructure", "InlineLookupsStructure", "DataStructure",
)  # fmt: skip


@dataclass(frozen=True)
class Translation:
    """PySD's abstract model with every name numbered, and the way back to the file's names.

    Parameters
    ----------
    encoded : str
        The abstract model as JSON: classes, words and numbers of a fixed list, and nothing else.
    names, dimension_names, element_names : mapping of str to str
        Number to name as the file spells it.
    variables : mapping
        The file's own, so that the reference engine can tell a changed model.
    """

    encoded: str = field(repr=False)
    names: Mapping[str, str]
    dimension_names: Mapping[str, str]
    element_names: Mapping[str, str]
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def abstract(self) -> Any:
        """PySD's abstract model."""
        return abstract_codec().decode(self.encoded)


@functools.cache
def abstract_codec() -> Codec:
    """The abstract model as JSON and back, with the checks of the guard both ways."""
    from pysd.translators.structures import abstract_expressions, abstract_model

    classes = {name: getattr(abstract_model, name) for name in MODEL_CLASSES}
    classes |= {name: getattr(abstract_expressions, name) for name in STRUCTURES}
    words = WORDS | known_functions() | frozenset(FUNCTIONS)
    return Codec(classes, lambda text: text in words or NUMBERED.fullmatch(text) is not None, finite=True)


@functools.cache
def known_functions() -> frozenset[str]:
    """Function words that PySD's builder knows."""
    from pysd.builders.python.python_functions import functionspace

    return frozenset(functionspace)

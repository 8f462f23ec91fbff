"""System dynamics: model documents, simulation, causal loops, policy comparison, diagrams.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib

# `typing` itself would be looked for beside the model when a command is started there by `python -m`
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sdtheory.checking import check as check
    from sdtheory.conversion import convert as convert
    from sdtheory.diagrams import draw as draw
    from sdtheory.diagrams.graph_files import read_graph as read_graph
    from sdtheory.documents import Document as Document
    from sdtheory.documents import Limits as Limits
    from sdtheory.documents import read as read
    from sdtheory.documents.saving import write as write
    from sdtheory.engines.simulate import simulate as simulate
    from sdtheory.engines.simulate import simulate_many as simulate_many
    from sdtheory.errors import EngineCrashed as EngineCrashed
    from sdtheory.errors import Issue as Issue
    from sdtheory.errors import SDError as SDError
    from sdtheory.errors import SDWarning as SDWarning
    from sdtheory.experiments.calibration import calibrate as calibrate
    from sdtheory.experiments.compare import compare as compare
    from sdtheory.experiments.comparison import Comparison as Comparison
    from sdtheory.experiments.crossovers import crossovers as crossovers
    from sdtheory.experiments.discovery import discover as discover
    from sdtheory.experiments.experiment import Experiment as Experiment
    from sdtheory.experiments.ladder import ladder as ladder
    from sdtheory.experiments.ladder_file import Ladder as Ladder
    from sdtheory.experiments.loop_comparison import LoopComparison as LoopComparison
    from sdtheory.experiments.loop_comparison import compare_loops as compare_loops
    from sdtheory.experiments.optimise import optimise as optimise
    from sdtheory.experiments.policy import Policy as Policy
    from sdtheory.experiments.sensitivity import sensitivity as sensitivity
    from sdtheory.experiments.thresholds import threshold_map as threshold_map
    from sdtheory.feedback.causal import causal_graph as causal_graph
    from sdtheory.feedback.dominance import LoopDominance as LoopDominance
    from sdtheory.feedback.dominance import loop_dominance as loop_dominance
    from sdtheory.feedback.dominance_many import dominance_many as dominance_many
    from sdtheory.feedback.loops import Loop as Loop
    from sdtheory.feedback.loops import find_loops as find_loops
    from sdtheory.feedback.loops import independent_loops as independent_loops
    from sdtheory.model.model import Model as Model
    from sdtheory.translate import load as load

_HOMES = {
    "Document": "documents",
    "Limits": "documents",
    "read": "documents",
    "write": "documents.saving",
    "load": "translate",
    "check": "checking",
    "convert": "conversion",
    "Model": "model.model",
    "simulate": "engines.simulate",
    "simulate_many": "engines.simulate",
    "causal_graph": "feedback.causal",
    "LoopDominance": "feedback.dominance",
    "loop_dominance": "feedback.dominance",
    "dominance_many": "feedback.dominance_many",
    "Loop": "feedback.loops",
    "find_loops": "feedback.loops",
    "independent_loops": "feedback.loops",
    "Policy": "experiments.policy",
    "Experiment": "experiments.experiment",
    "Comparison": "experiments.comparison",
    "compare": "experiments.compare",
    "LoopComparison": "experiments.loop_comparison",
    "compare_loops": "experiments.loop_comparison",
    "sensitivity": "experiments.sensitivity",
    "discover": "experiments.discovery",
    "threshold_map": "experiments.thresholds",
    "crossovers": "experiments.crossovers",
    "optimise": "experiments.optimise",
    "calibrate": "experiments.calibration",
    "Ladder": "experiments.ladder_file",
    "ladder": "experiments.ladder",
    "draw": "diagrams",
    "EngineCrashed": "errors",
    "read_graph": "diagrams.graph_files",
    "Issue": "errors",
    "SDError": "errors",
    "SDWarning": "errors",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sdtheory' has no attribute '{name}'")
    return getattr(importlib.import_module(f"sdtheory.{home}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

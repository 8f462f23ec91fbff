"""Operations that need the model or a run: pure functions of a document, for a process or thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sdtheory.checking import check
from sdtheory.documents import Document
from sdtheory.editor.arguments import WORKING, checked
from sdtheory.editor.found import plain_issue
from sdtheory.editor.models import model_of, model_to_run, prepare
from sdtheory.editor.policies import comparisons, path_of
from sdtheory.editor.runs import run_of
from sdtheory.editor.state import Refused
from sdtheory.editor.structure import dominance_of, loops_of, signs_of
from sdtheory.errors import SDError
from sdtheory.experiments.experiment import Experiment
from sdtheory.names import canonical

Plain = dict[str, Any]
Experiments = Mapping[str, str]


def work(document: Document, op: str, arguments: Mapping[str, Any], experiments: Experiments) -> Plain:
    """The reply to a slow operation; of a comparison the last of its replies.

    Parameters
    ----------
    document : Document
    op : str
        One of `sdtheory.editor.service.SLOW`.
    arguments : mapping
    experiments : mapping of str to str
        Paths of experiment files by their ids.

    Raises
    ------
    Refused
        It cannot be done; ``cannot-run`` when the model cannot be loaded or run.

    Examples
    --------
    >>> from sdtheory.documents import read
    >>> reply = work(read("models/m0_seed.mdl"), "simulate", {"outputs": ["capability"], "width": 100}, {})
    >>> reply["status"], list(reply["series"])
    ('ok', ['capability'])
    """
    *_, reply = work_steps(document, op, arguments, experiments)
    return reply


def work_steps(
    document: Document, op: str, arguments: Mapping[str, Any], experiments: Experiments
) -> Iterator[Plain]:
    """The replies to a slow operation, each with the ticket of its request."""
    known = checked(op, {name: value for name, value in arguments.items() if name != "view"}, (WORKING,))
    ticket = {"ticket": known["ticket"]} if "ticket" in known else {}
    try:
        for reply in _STEPS[op](document, known, experiments):
            yield {**reply, **ticket}
    except Refused:
        raise
    except SDError as error:
        raise Refused(
            error.message, file=error.file, line=error.line, column=error.column, remedy=error.remedy,
            code="cannot-run", details=ticket,
        ) from None  # fmt: skip


def _simulate(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    model, numbers = model_to_run(document)
    changes = arguments.get("changes", {})
    own = {name: value for name, value in numbers.items() if canonical(name) not in map(canonical, changes)}
    yield run_of(
        model,
        {**own, **changes},
        arguments.get("outputs", []),
        arguments.get("width", 0),
    )


def _issues(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    prepare(document)  # while nobody waits for a run
    yield {"issues": [plain_issue(document, issue) for issue in check(document)]}


def _loops(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    yield loops_of(model_of(document))


def _signs(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    yield signs_of(model_of(document))


def _dominance(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    yield dominance_of(model_of(document), arguments.get("changes", {}))


def _compare(document: Document, arguments: Mapping[str, Any], experiments: Experiments) -> Iterator[Plain]:
    experiment = Experiment.read(path_of(experiments, arguments["id"]))
    yield from comparisons(
        model_of(document),
        experiment,
        arguments.get("policies"),
        arguments.get("runs"),
        arguments.get("outputs", []),
    )


_STEPS: Mapping[str, Callable[[Document, Mapping[str, Any], Experiments], Iterator[Plain]]] = {
    "simulate": _simulate,
    "issues": _issues,
    "loops": _loops,
    "signs": _signs,
    "dominance": _dominance,
    "compare": _compare,
}

"""What two documents have otherwise, in the modeller's terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sdtheory.documents.document import Document
from sdtheory.documents.index import Entry, Lookup, Simulation
from sdtheory.names import canonical

Parts = Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """One thing that two documents have otherwise.

    Parameters
    ----------
    what : str
        ``"added"``, ``"removed"`` or ``"changed"``.
    name : str
        A variable, ``"simulation"``, or ``"view NAME"``.
    part : str
        Of what changed: equation, initial, units, documentation, lookup, kind, a setting, or elements.
    before, after : str
    """

    what: str
    name: str
    part: str = ""
    before: str = ""
    after: str = ""


def differences(old: Document, new: Document) -> list[Difference]:
    """What `new` has otherwise than `old`: variables, settings, and what is drawn where.

    White space inside equations does not count. Equations of documents in different formats are compared as
    text all the same; convert one of them first.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> old, new = (from_bytes(b"{UTF-8}\\nbirths = %d ~~|" % n) for n in (3, 4))
    >>> differences(old, new)
    [Difference(what='changed', name='births', part='equation', before='3', after='4')]
    """
    return [
        *_of_names(_variables(old), _variables(new)),
        *_of_parts("simulation", _settings(old.simulation), _settings(new.simulation)),
        *_of_views(old, new),
    ]


def _variables(document: Document) -> dict[str, tuple[str, Parts]]:
    return {key: (entry.name, _parts(entry)) for key, entry in document.variables.items()}


def _parts(entry: Entry) -> Parts:
    equations, initials = {}, {}
    for block in entry.blocks:
        label = f"[{_plain(block.subscripts)}] " if block.subscripts else ""
        equations[label] = f"{label}{_plain(block.equation)}"
        if block.initial:
            initials[label] = f"{label}{_plain(block.initial)}"
    return {
        "kind": entry.kind,
        "equation": "; ".join(equations.values()),
        "initial": "; ".join(initials.values()),
        "inflows": ", ".join(entry.inflows),
        "outflows": ", ".join(entry.outflows),
        "units": entry.units,
        "range": "" if entry.limits is None else f"{entry.limits[0]} to {entry.limits[1]}",
        "documentation": entry.documentation,
        "lookup": _points(entry.lookup),
    }


def _plain(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())


def _points(lookup: Lookup | None) -> str:
    if lookup is None:
        return ""
    return ", ".join(f"({x:g}, {y:g})" for x, y in zip(lookup.x, lookup.y, strict=True))


def _settings(simulation: Simulation) -> Parts:
    words = ("start", "stop", "time_step", "save_every", "method", "time_units")
    return {word: str(getattr(simulation, word) or "") for word in words}


def _of_names(
    old: Mapping[str, tuple[str, Parts]], new: Mapping[str, tuple[str, Parts]]
) -> Iterator[Difference]:
    yield from (Difference("removed", name) for key, (name, _) in old.items() if key not in new)
    yield from (
        Difference("added", name, "equation", "", parts["equation"])
        for key, (name, parts) in new.items()
        if key not in old
    )
    for key, (name, parts) in new.items():
        if key in old:
            yield from _of_parts(name, old[key][1], parts)


def _of_parts(name: str, old: Parts, new: Parts) -> Iterator[Difference]:
    for part, after in new.items():
        if old[part] != after:
            yield Difference("changed", name, part, old[part], after)


def _of_views(old: Document, new: Document) -> Iterator[Difference]:
    """Counts only: a drawing is best compared by looking at it."""
    before, after = ({_view_key(d, place): view for place, view in enumerate(d.views)} for d in (old, new))
    yield from (Difference("removed", f"view {name}") for name in before if name not in after)
    yield from (Difference("added", f"view {name}") for name in after if name not in before)
    for name, view in after.items():
        if name not in before:
            continue
        here, there = ({_drawn(one): one for one in v.elements} for v in (before[name], view))
        moved = sum(
            (here[key].x, here[key].y) != (there[key].x, there[key].y) for key in here.keys() & there.keys()
        )
        counts = {
            "moved": moved,
            "drawn": len(there.keys() - here.keys()),
            "erased": len(here.keys() - there.keys()),
        }
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        if said:
            yield Difference("changed", f"view {name}", "elements", "", said)


def _view_key(document: Document, place: int) -> str:
    return document.views[place].name or str(place + 1)


def _drawn(element) -> tuple[str, ...]:
    if element.kind == "connector":
        return element.kind, str(element.source), str(element.target)
    if element.variable is not None and element.kind != "alias":
        return element.kind, canonical(element.variable)
    return element.kind, element.id

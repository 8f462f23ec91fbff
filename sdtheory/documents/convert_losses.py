"""What a document has that the other format has no place for, counted so that nothing is dropped in silence."""

from __future__ import annotations

import re
from collections import Counter

from sdtheory.documents.convert_common import CONTROL_KEYS, Conversion, xml_root
from sdtheory.documents.convert_sketch import DEFAULTS
from sdtheory.documents.document import Document
from sdtheory.documents.index import Block
from sdtheory.documents.xmile_tree import VARIABLES
from sdtheory.documents.xml_tree import Node
from sdtheory.names import canonical

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_OUTSIDE = re.compile(r"\bGET[ _](?:XLS|DIRECT|123)[ _]", re.IGNORECASE)
_SETTINGS = re.compile(r"(?m)^:L\x7f?<%\^E!@")
_GRAPH = re.compile(r"(?m)^:GRAPH\b", re.IGNORECASE)
_KEPT_SETTINGS = ("15:", "22:")
# what is carried over, by element
_ROOT = frozenset({"header", "sim_specs", "model_units", "dimensions", "model", "macro", "behavior"})
_HEADER = frozenset({"name", "vendor", "product"})
_MODEL = frozenset({"variables", "views", "sim_specs", "behavior", "display", "group"})
_VARIABLE = frozenset({
    "eqn", "init_eqn", "units", "doc", "inflow", "outflow", "gf", "dimensions", "element", "range", "connect",
    "connect2", "display", "xpts", "ypts", "xscale", "yscale",
})  # fmt: skip
_VARIABLE_ATTRIBUTES = frozenset({"name", "type"})
_VIEW_ATTRIBUTES = frozenset({"name", "type"})


def count_losses(conversion: Conversion) -> None:
    """Add to the counts what the other format cannot hold, apart from what the writers meet themselves."""
    document, lost = conversion.document, conversion.lost
    for entry in document.variables.values():
        for block in entry.blocks:
            lost["comment inside an equation"] += _has_comment(block)
    if document.format == "vensim":
        _count_vensim(document, lost)
    else:
        _count_xmile(document, lost)
    held = sum(one.kind == "stock" and getattr(one, "non_negative", False) for one in conversion.model)
    if document.format == "xmile":
        lost["mark that a stock may not fall below zero"] += held
    for what in [what for what, count in lost.items() if not count]:
        del lost[what]


def _has_comment(block: Block) -> bool:
    return "{" in _QUOTED.sub("", block.equation)


def _count_vensim(document: Document, lost: Counter[str]) -> None:
    for key, entry in document.variables.items():
        lost["supplementary flag"] += entry.supplementary
        lost["equation that could not be understood"] += entry.kind == "opaque"
        if entry.kind == "subscript":
            lost["documentation of a subscript range"] += bool(entry.documentation)
        for block in entry.blocks:
            outside = _OUTSIDE.search(block.equation) is not None or not block.operator
            lost["value from outside the file, now written into it"] += outside
            lost["mark of a constant that may not be changed (==)"] += block.operator == "=="
            span = block.spans.get("limits")
            if span is not None and canonical(key) not in CONTROL_KEYS:
                text = document.bytes[span.start : span.stop].decode(document.encoding)
                lost["step of a range of values"] += text.count(",") > 1
    text = document.text
    lost["graph definition"] += len(_GRAPH.findall(text))
    marker = _SETTINGS.search(text)
    if marker:
        lines = text[marker.end() :].splitlines()
        lost["line of the settings of Vensim's display"] += sum(
            bool(line.strip()) and not line.startswith(_KEPT_SETTINGS) for line in lines
        )
    for view in document.views:
        span = view.spans.get("defaults")
        if span is not None:
            defaults = document.bytes[span.start : span.stop].decode(document.encoding)
            lost["default fonts and colours of a view"] += defaults.strip() != DEFAULTS


def _count_xmile(document: Document, lost: Counter[str]) -> None:
    root = xml_root(document)
    lost["comment in the XML"] += document.text.count("<!--")
    for node in root.children:
        _count(node, _ROOT, "", lost)
        if node.tag == "header":
            for child in node.children:
                _count(child, _HEADER, " of the header", lost)
        elif node.tag == "model":
            _count_model(node, lost)


def _count(node: Node, kept: frozenset[str], of: str, lost: Counter[str]) -> None:
    if node.tag not in kept:
        lost[f"<{node.tag}>{of}"] += 1


def _count_model(model: Node, lost: Counter[str]) -> None:
    for part in model.children:
        _count(part, _MODEL, " of a model", lost)
        if part.tag == "variables":
            for variable in part.children:
                _count_variable(variable, lost)
        elif part.tag == "views":
            for view in part.children:
                if view.tag != "view":
                    lost[f"<{view.tag}> of the views"] += 1
                    continue
                lost["style of a view"] += len(list(view.all("style")))
                names = (name.rpartition(":")[2] for name in view.attributes)
                lost["setting of a view's page, such as its size and zoom"] += sum(
                    name not in _VIEW_ATTRIBUTES for name in names
                )


def _count_variable(variable: Node, lost: Counter[str]) -> None:
    if variable.tag not in VARIABLES:
        return
    for child in variable.children:
        own = child.tag == "non_negative"  # of a flow it is written out, of a stock it is counted elsewhere
        if not own:
            _count(child, _VARIABLE, " of a variable", lost)
    for name in variable.attributes:
        lost[f"attribute '{name}' of a variable"] += name not in _VARIABLE_ATTRIBUTES

"""XMILE modules: which variable each connected input takes its value from."""

from __future__ import annotations

from collections.abc import Iterator

from sdtheory.documents import Document
from sdtheory.documents.index import Connection, Module
from sdtheory.documents.lexer import qualified
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical
from sdtheory.translate.xmile_equation import Scope


def connections(document: Document) -> Iterator[tuple[str, str]]:
    """For each input of a module that is connected, its key and that of the variable it takes its value from.

    Raises
    ------
    ModelError
        For a module without a model, and for a connection of something that does not exist or that has
        another connection already.
    """
    models = {canonical(entry.model) for entry in document.variables.values()}
    found: dict[str, str] = {}
    for module in document.modules:
        if module.connections and canonical(module.name) not in models:
            message = f"module '{shown(module.name)}' has no <model> of its name in this file"
            raise ModelError(message, file=document.file, line=module.line, column=module.column)
        for connection in module.connections:
            target = _qualified(document, module, connection.target, module.name)
            origin = _qualified(document, module, connection.origin, module.parent)
            if target is None or origin is None:
                missing = connection.target if target is None else connection.origin
                raise _fault(document, module, connection, f"'{shown(missing)}', which does not exist")
            if found.setdefault(target, origin) != origin:
                raise _fault(document, module, connection, f"'{shown(connection.target)}' a second time")
            if target != origin:
                yield target, origin


def _qualified(document: Document, module: Module, name: str, scope: str) -> str | None:
    plain = qualified(name)
    return Scope(document, scope).key(plain) or Scope(document, module.parent).key(plain)


def _fault(document: Document, module: Module, connection: Connection, what: str) -> ModelError:
    message = f"module '{shown(module.name)}' connects {what}"
    return ModelError(message, file=document.file, line=connection.line)

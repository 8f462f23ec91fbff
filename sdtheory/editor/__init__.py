"""The editor: operations on a model file as messages, the same for a page, a notebook and a test.

``from sdtheory.editor import Editor`` gives the widget for notebooks, which the extra ``jupyter`` is needed for.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "Editor":
        raise AttributeError(f"module 'sdtheory.editor' has no attribute '{name}'")
    try:
        import anywidget  # noqa: F401
    except ImportError:
        from sdtheory.errors import UsageError

        raise UsageError(
            'the editor in a notebook needs anywidget: pip install "sdtheory[jupyter]"'
        ) from None
    from sdtheory.editor.widget import Editor

    return Editor

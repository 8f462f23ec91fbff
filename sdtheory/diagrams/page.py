"""A page that needs no network and no script: its frame, and pictures inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html_page(title: str, style: str, body: Iterable[str]) -> str:
    """An HTML document of parts that are HTML already, under a policy that lets nothing be fetched or run.

    Parameters
    ----------
    title : str
        Text; it is escaped.
    style : str
        A style sheet.
    body : iterable of str

    Examples
    --------
    >>> html_page("a < b", "", ["<p>c</p>"]).splitlines()[2:]
    ['<body>', '<p>c</p>', '</body></html>']
    """
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{style}</style>'
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def image(svg: bytes, text: str) -> str:
    """A picture that the page holds itself, with words for who cannot see it."""
    data = base64.b64encode(svg).decode()
    return f'<img alt="{escape(text, quote=True)}" src="data:image/svg+xml;base64,{data}">'

"""A scene as SVG: words stay words, everything has an id, nothing runs and nothing is fetched."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from sdtheory.diagrams.scene import Box, Group, Path, Scene, Shape, Text, number_text
from sdtheory.errors import escaped

FONTS = "'DejaVu Sans', Verdana, Geneva, sans-serif"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(scene: Scene) -> str:
    """The scene as an SVG document.

    Examples
    --------
    >>> text = svg(Scene("cup", "a cup", (Group("a", "variable", (Text(0, 0, ("tea",)),)),)))
    >>> "<title>cup</title>" in text and ">tea</text>" in text
    True
    """
    left, top, right, bottom = scene.bounds
    width, height = right - left, bottom - top
    box = " ".join(number_text(value) for value in (left, top, width, height))
    size = f'width="{number_text(width)}" height="{number_text(height)}"'
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {size} role="img" font-family="{FONTS}">',
        f"<title>{_text(scene.title)}</title>",
        f"<desc>{_text(scene.description)}</desc>",
        f'<rect class="background" x="{number_text(left)}" y="{number_text(top)}" {size} fill="#FFFFFF"/>',
    ]
    for group in scene.groups:
        lines += _group(group)
    return "\n".join([*lines, "</svg>", ""])


def xml_safe(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _text(text: str) -> str:
    return escape(escaped(text))


def _group(group: Group) -> list[str]:
    classes = " ".join((group.role, *group.classes))
    facts = "".join(f" data-{key}={quoteattr(xml_safe(value))}" for key, value in group.data.items())
    lines = [f'<g id="{group.id}" class="{classes}"{facts}>']
    if group.title:
        lines.append(f"<title>{_text(group.title)}</title>")
    return [*lines, *(_shape(shape) for shape in group.shapes), "</g>"]


def _shape(shape: Shape) -> str:
    role = f' class="{shape.role}"' if shape.role else ""
    if isinstance(shape, Text):
        return _words(shape, role)
    if isinstance(shape, Box):
        corner = shape.x - shape.width / 2, shape.y - shape.height / 2
        x, y, width, height = map(number_text, (*corner, shape.width, shape.height))
        round_ = f' rx="{number_text(shape.radius)}"' if shape.radius else ""
        return f'<rect{role} x="{x}" y="{y}" width="{width}" height="{height}"{round_}{_paint(shape)}/>'
    pieces = " ".join(
        letter + " ".join(f"{number_text(x)},{number_text(y)}" for x, y in points)
        for letter, points in shape.steps
    )
    return f'<path{role} d="{pieces}"{_paint(shape)}/>'


def _paint(shape: Box | Path) -> str:
    text = f' fill="{shape.fill or "none"}"'
    if shape.stroke:
        text += f' stroke="{shape.stroke}" stroke-width="{number_text(shape.line)}"'
        text += ' stroke-linejoin="round"'
    if shape.dash:
        text += f' stroke-dasharray="{" ".join(map(number_text, shape.dash))}"'
    return text


def _words(text: Text, role: str) -> str:
    style = f' font-size="{number_text(text.size)}" fill="{text.colour}" text-anchor="{text.anchor}"'
    style += ' font-weight="bold"' if text.bold else ""
    style += ' font-style="italic"' if text.italic else ""
    if text.halo:
        style += ' stroke="#FFFFFF" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
    lines = text.baselines()
    x = number_text(text.x)
    if len(lines) == 1:
        y, words = lines[0]
        return f'<text{role} x="{x}" y="{number_text(y)}"{style} xml:space="preserve">{_text(words)}</text>'
    spans = " ".join(f'<tspan x="{x}" y="{number_text(y)}">{_text(words)}</tspan>' for y, words in lines)
    return f"<text{role}{style}>{spans}</text>"

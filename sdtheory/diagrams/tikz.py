r"""A scene as a LaTeX document with TikZ; letters that pdflatex cannot set are transliterated."""

from __future__ import annotations

import unicodedata
import warnings

from sdtheory.diagrams.scene import Box, Path, Scene, Shape, Text, number_text
from sdtheory.errors import SDWarning

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\`{}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{DEGREE SIGN}": r"\ensuremath{^\circ}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
_DOTLESS = {"i": r"\i", "j": r"\j"}
# the document class that crops to the picture is used where it is installed
_HEAD = r"""\IfFileExists{standalone.cls}{\documentclass[tikz]{standalone}}{%
  \documentclass{article}\usepackage{tikz}\pagestyle{empty}
  \pdfpagewidth=@WIDTH@bp \pdfpageheight=@HEIGHT@bp \pdfhorigin=0pt \pdfvorigin=0pt
  \hoffset=0pt \voffset=0pt \topmargin=0pt \headheight=0pt \headsep=0pt \oddsidemargin=0pt
  \textwidth=@WIDTH@bp \textheight=@HEIGHT@bp \parindent=0pt \topskip=0pt \maxdepth=0pt}
"""


def tikz(scene: Scene) -> str:
    r"""The scene as a document for pdflatex, in ASCII.

    Warns
    -----
    SDWarning
        Names each letter that had to be transliterated.

    Examples
    --------
    >>> from sdtheory.diagrams.scene import Group
    >>> text = tikz(Scene("cup", "", (Group("a", "variable", (Text(0, 0, ("50 % _tea",)),)),)))
    >>> r"50 \% \_tea" in text
    True
    """
    left, top, right, bottom = scene.bounds
    colours = _colours(scene)
    width, height = (number_text(0.75 * size) for size in (right - left, bottom - top))
    lines = [_HEAD.replace("@WIDTH@", width).replace("@HEIGHT@", height).rstrip()]
    lines += [rf"\definecolor{{{name}}}{{HTML}}{{{value[1:]}}}" for value, name in colours.items()]
    lines += [
        r"\begin{document}%",
        r"\begin{tikzpicture}[x=0.75bp,y=-0.75bp,line join=round,every node/.style={inner sep=0pt,"
        r"outer sep=0pt}]",
        rf"\useasboundingbox {_at((left, top))} rectangle {_at((right, bottom))};",
    ]
    replaced: dict[str, str] = {}
    for group in scene.groups:
        lines.append(f"% {group.id}")
        for shape in group.shapes:
            lines += _shape(shape, colours, replaced)
    lines += [r"\end{tikzpicture}%", r"\end{document}", ""]
    if replaced:
        letters = ", ".join(f"'{letter}' as '{words}'" for letter, words in replaced.items())
        warnings.warn(f"letters that pdflatex cannot set are written out: {letters}", SDWarning, stacklevel=3)
    return "\n".join(lines)


def _colours(scene: Scene) -> dict[str, str]:
    """A name for every colour of the scene, in order of use."""
    used: dict[str, None] = {"#FFFFFF": None}
    for group in scene.groups:
        for shape in group.shapes:
            own = (shape.colour,) if isinstance(shape, Text) else (shape.stroke, shape.fill)
            used.update(dict.fromkeys(colour for colour in own if colour))
    return {colour: f"colour{number}" for number, colour in enumerate(used)}


def _at(point: tuple[float, float]) -> str:
    return f"({number_text(point[0])},{number_text(point[1])})"


def _shape(shape: Shape, colours: dict[str, str], replaced: dict[str, str]) -> list[str]:
    if isinstance(shape, Text):
        return _words(shape, colours, replaced)
    options = []
    if shape.fill:
        options.append(f"fill={colours[shape.fill]}")
    if shape.stroke:
        options += [f"draw={colours[shape.stroke]}", f"line width={number_text(0.75 * shape.line)}bp"]
    if shape.dash:
        pattern = " ".join(
            f"{'off' if i % 2 else 'on'} {number_text(0.75 * length)}bp"
            for i, length in enumerate(shape.dash)
        )
        options.append(f"dash pattern={pattern}")
    if isinstance(shape, Box):
        if shape.radius:
            options.append(f"rounded corners={number_text(0.75 * shape.radius)}bp")
        corners = [(shape.x + side * shape.width / 2, shape.y + side * shape.height / 2) for side in (-1, 1)]
        return [rf"\path[{','.join(options)}] {_at(corners[0])} rectangle {_at(corners[1])};"]
    return [rf"\path[{','.join(options)}] {_steps(shape)};"]


def _steps(path: Path) -> str:
    text = ""
    for letter, points in path.steps:
        if letter == "M":
            text += f" {_at(points[0])}"
        elif letter == "L":
            text += f" -- {_at(points[0])}"
        elif letter == "C":
            text += f" .. controls {_at(points[0])} and {_at(points[1])} .. {_at(points[2])}"
        else:
            text += " -- cycle"
    return text.strip()


def _words(text: Text, colours: dict[str, str], replaced: dict[str, str]) -> list[str]:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    size = number_text(0.75 * text.size)
    style = (r"\bfseries" if text.bold else "") + (r"\itshape" if text.italic else "")
    options = f"anchor={anchor},text={colours[text.colour]},font=\\sffamily\\fontsize{{{size}bp}}{{{size}bp}}"
    options += rf"\selectfont{style}"
    if text.halo:
        options += f",fill={colours['#FFFFFF']},fill opacity=0.85,text opacity=1"
    return [
        rf"\node[{options}] at {_at((text.x, y))} {{{latex(words, replaced)}}};"
        for y, words in text.baselines()
    ]


def latex(text: str, replaced: dict[str, str] | None = None) -> str:
    r"""Text as LaTeX in ASCII.

    Parameters
    ----------
    text : str
    replaced : dict, optional
        Gets the letters that were transliterated, and what stands for them.

    Examples
    --------
    >>> latex("50 % of caf\u00e9s")
    "50 \\% of caf\\'{e}s"
    """
    return "".join(_letter(letter, {} if replaced is None else replaced) for letter in text)


def _letter(letter: str, replaced: dict[str, str]) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter.isspace():
        return " "
    if " " <= letter < "\x7f":
        return letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in _ACCENTS:
        return f"\\{_ACCENTS[marks[0]]}{{{_DOTLESS.get(base, base)}}}"
    words = _spelled_out(letter)
    replaced[letter] = words
    return "".join(_SPECIAL.get(part, part) for part in words)


def _spelled_out(letter: str) -> str:
    """ASCII that stands for a letter: its plain form, else the last word of its name, else its number."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if " " <= part < "\x7f")
    if plain.strip():
        return plain
    words = unicodedata.name(letter, "").split()
    if "LETTER" in words:
        last = words[words.index("WITH") - 1] if "WITH" in words else words[-1]
        return last.lower() if "SMALL" in words else last.capitalize()
    return f"[U+{ord(letter):04X}]"

"""The study as verdict.md and as one page that needs no network and no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sdtheory.diagrams.page import html_page, image

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.4rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e5e5e5; white-space: nowrap }
th:first-child, td:first-child { text-align: left } img { max-width: 100% }
"""
CAVEATS = (
    "Priors are assumptions: a percentage is a share of a prior box, not a probability. The understood share, the "
    "difficulty of explanation and the search leverage have no measured values. Understanding is one number; labour "
    "for theory and for experiments adds up without fixed costs; laboratories have no strategy; there is one world; "
    "each policy has one strength. Signs of differences are steadier than levels. Long-run rules are not policy "
    "advice."
)
CHANGES = (
    "Estimates of how fast ideas and explanations get harder, of the share understood today and of the delay until "
    "safety work can use theory; evidence that safety work paced by the calendar closes the gap about as fast as "
    "capability opens it; evidence on who is hired when theory is funded."
)


@dataclass(frozen=True)
class Part:
    """A part of the report: heading, Markdown lines, and file stems of its pictures."""

    heading: str
    lines: Sequence[str]
    pictures: Sequence[str]


def markdown_page(parts: Sequence[Part], runs: int, seed: int) -> str:
    """verdict.md."""
    lines = [
        "# The theory-gap study",
        "",
        f"{runs:,} futures, seed {seed}, the same for every policy and rung.",
        "",
    ]
    for part in parts:
        lines += [f"## {part.heading}", "", *part.lines, ""]
        lines += [f"![{part.heading}]({stem}.svg)" for stem in part.pictures]
        lines.append("")
    lines += ["## What would change the answer", "", CHANGES, "", "## Read with care", "", CAVEATS, ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def study_page(parts: Sequence[Part], pictures: dict[str, bytes], runs: int, seed: int) -> str:
    """report.html.

    Parameters
    ----------
    parts : sequence of Part
    pictures : mapping of file stem to SVG
    runs, seed : int
    """
    title = "The theory-gap study"
    body = [f"<h1>{title}</h1>", f"<p>{runs:,} futures, seed {seed}, the same for every policy and rung.</p>"]
    for part in parts:
        body += [f"<h2>{escape(part.heading)}</h2>", *_blocks(part.lines)]
        body += [f"<p>{image(pictures[stem], part.heading)}</p>" for stem in part.pictures]
    body += [f"<h2>What would change the answer</h2><p>{escape(CHANGES)}</p>"]
    body += [f"<h2>Read with care</h2><p>{escape(CAVEATS)}</p>"]
    body += [f"<h2>How this was made</h2><p><code>sdtheory study --runs {runs} --seed {seed}</code></p>"]
    return html_page(title, STYLE, body)


def _blocks(lines: Sequence[str]) -> list[str]:
    """Markdown lines as HTML: headings, tables, lists and paragraphs, which is all that the study writes."""
    found: list[str] = []
    kind = ""
    for line in [*lines, ""]:
        own = "table" if line.startswith("|") else "ul" if line.startswith("- ") else ""
        if kind and own != kind:
            found.append(f"</{kind}>")
        if own and own != kind:
            found.append(f"<{own}>")
        first, kind = own != kind, own
        if own == "table" and not line.startswith("|---"):
            tag = "th" if first else "td"
            cells = "".join(f"<{tag}>{_inline(cell)}</{tag}>" for cell in line.strip("| ").split(" | "))
            found.append(f"<tr>{cells}</tr>")
        elif own == "ul":
            found.append(f"<li>{_inline(line[2:])}</li>")
        elif line.startswith("### "):
            found.append(f"<h3>{_inline(line[4:])}</h3>")
        elif line and not own:
            found.append(f"<p>{_inline(line)}</p>")
    return found


def _inline(text: str) -> str:
    """Emphasis and code as HTML, and signs that Markdown escapes as themselves."""
    kept = re.sub(
        r"(?<!\\)\*([^*\\]+)\*", r"<em>\1</em>", re.sub(r"(?<!\\)`([^`]+)`", r"<code>\1</code>", escape(text))
    )
    return (
        re.sub(r"\\([\\`*_{}\[\]|~#$])", r"\1", kept)
        .replace("\\&lt;", "&lt;")
        .replace("\\&gt;", "&gt;")
        .replace("\\&amp;", "&amp;")
    )

"""What can be taken away from the editor, by the names that a page asks for."""

from __future__ import annotations

TYPES = {
    ".svg": "image/svg+xml", ".png": "image/png", ".pdf": "application/pdf", ".tex": "application/x-tex",
    ".dot": "text/vnd.graphviz", ".graphml": "application/xml", ".gexf": "application/xml",
    ".cyjs": "application/json", ".mmd": "text/plain", ".drawio": "application/xml",
    ".kumu.json": "application/json", ".loopy": "text/plain", ".json": "application/json",
}  # fmt: skip
PICTURES = (".svg", ".png", ".pdf", ".tex")
PAGE = "page.html"
KINDS = (*(f"view{suffix}" for suffix in PICTURES), *(f"causal{suffix}" for suffix in TYPES), PAGE)

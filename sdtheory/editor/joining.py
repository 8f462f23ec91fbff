"""The page's modules as one: a notebook and a page on disk take a single module."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
ROOT = "editor.js"  # its default export is the whole interface
_IMPORT = re.compile(r"^import\s*\{[^}]*\}\s*from\s*\"\./([a-z_]+\.js)\";?[ \t]*\n", re.MULTILINE)
_EXPORT = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:function\*?|const|let|class)\s+([A-Za-z_$][\w$]*))", re.MULTILINE
)
_TOP = re.compile(
    r"^(?:export\s+)?(?:async\s+)?(?:function\*?|const|let|class)\s+([A-Za-z_$][\w$]*)", re.MULTILINE
)
_DEFAULT = re.compile(r"^export\s+default\s+", re.MULTILINE)
# what is left of imports, exports and the end of a script; types of comments may name other modules
_LEFT = re.compile(
    r"^\s*(?:import|export)\b(?!\s*default\b).*|</script|\bimport\s*\((?!\"\./[a-z_]+\.js\"\)\.)",
    re.MULTILINE,
)


def joined(sources: dict[str, str], root: str = ROOT) -> str:
    """One module that does what several do.

    Parameters
    ----------
    sources : dict of str to str
        Text by file name. A module imports names of its siblings, all by ``import { a, b } from "./c.js";``, and
        declares no name at its top level that another one declares.
    root : str
        The module whose default export is kept.

    Raises
    ------
    ValueError
        For modules that keep to less than that.

    Examples
    --------
    >>> print(joined({
    ...     "editor.js": 'import { twice } from "./sums.js";\\nexport default { four: twice(2) };\\n',
    ...     "sums.js": "export function twice(n) { return 2 * n; }\\n",
    ... }), end="")
    // sums.js
    function twice(n) { return 2 * n; }
    // editor.js
    export default { four: twice(2) };
    """
    order: list[str] = []
    _follow(sources, root, (), order)
    homes: dict[str, str] = {}
    parts = []
    for file in order:
        text = sources[file]
        for name in _TOP.findall(text):
            if homes.setdefault(name, file) != file:
                raise ValueError(f"{file} and {homes[name]} both declare '{name}'")
        if file != root and _DEFAULT.search(text):
            raise ValueError(f"{file} has a default export")
        text = _EXPORT.sub("", _IMPORT.sub("", text))
        left = _LEFT.search(text)
        if left:
            raise ValueError(f"{file} cannot be joined: {left.group().strip()}")
        parts.append(f"// {file}\n{text.rstrip()}\n")
    return "".join(parts)


def _follow(sources: dict[str, str], file: str, above: tuple[str, ...], order: list[str]) -> None:
    """Put a file into the order after all that it imports."""
    if file in above:
        raise ValueError(f"a circle of imports: {' -> '.join((*above, file))}")
    if file in order:
        return
    if file not in sources:
        raise ValueError(f"{above[-1] if above else 'nothing'} imports {file}, which does not exist")
    for other in _IMPORT.findall(sources[file]):
        _follow(sources, other, (*above, file), order)
    order.append(file)


@cache
def module() -> str:
    """The editor as one module."""
    return joined({path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")})


@cache
def style() -> str:
    """The editor's style sheet."""
    return (STATIC / "editor.css").read_text(encoding="utf-8")


def as_script(text: str, name: str) -> str:
    """A joined module with its default export under a name, so that a script can follow it.

    Examples
    --------
    >>> as_script("export default { render };", "editor")
    'const editor = { render };'
    """
    return _DEFAULT.sub(f"const {name} = ", text, count=1)

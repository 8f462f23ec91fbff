"""The page's modules as one: a notebook and a page on disk take a single module."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
ROOT = "editor.js"  # its default export is the whole interface
_IMPORT = re.compile(r"^import\s*\{([^}]*)\}\s*from\s*\"\./([a-z_]+\.js)\";?[ \t]*$", re.MULTILINE)
_EXPORT = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:function\*?|const|class)\s+([A-Za-z_$][\w$]*))", re.MULTILINE
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
        Text by file name. A module imports names of its siblings, all by ``import { a, b } from "./c.js";``.
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
    const sums_js = (() => {
    function twice(n) { return 2 * n; }
    return { twice };
    })();
    const { twice } = sums_js;
    export default { four: twice(2) };
    """
    order: list[str] = []
    _follow(sources, root, (), order)
    parts = []
    for file in order:
        text = sources[file]
        if file != root and _DEFAULT.search(text):
            raise ValueError(f"{file} has a default export")
        names = ", ".join(_EXPORT.findall(text))
        text = _EXPORT.sub("", _IMPORT.sub(_taken, text)).rstrip()
        left = _LEFT.search(text)
        if left:
            raise ValueError(f"{file} cannot be joined: {left.group().strip()}")
        if file == root:
            parts.append(f"{text}\n")
        else:
            parts.append(f"const {_variable(file)} = (() => {{\n{text}\nreturn {{ {names} }};\n}})();\n")
    return "".join(parts)


def _taken(found: re.Match[str]) -> str:
    """What stands in the place of an import."""
    names = re.sub(r"\s+as\s+", ": ", found[1].strip().rstrip(","))
    return f"const {{ {names} }} = {_variable(found[2])};"


def _variable(file: str) -> str:
    """What a module's exports are called.

    Examples
    --------
    >>> _variable("dom.js")
    'dom_js'
    """
    return file.replace(".", "_")


def _follow(sources: dict[str, str], file: str, above: tuple[str, ...], order: list[str]) -> None:
    """Put a file into the order after all that it imports."""
    if file in above:
        raise ValueError(f"a circle of imports: {' -> '.join((*above, file))}")
    if file in order:
        return
    if file not in sources:
        raise ValueError(f"{above[-1] if above else 'nothing'} imports {file}, which does not exist")
    for _, other in _IMPORT.findall(sources[file]):
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

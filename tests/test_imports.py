"""Imports point one way, and importing the package costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sdtheory

PACKAGE = Path(sdtheory.__file__).parent
# what each part may import; formulas of experiments are read by `translate`
BASE = {"errors", "limits", "names"}
MAY_IMPORT = {
    "errors": set(),
    "limits": {"errors"},
    "names": {"errors"},
    "cache": BASE,
    "tables": BASE,
    "documents": BASE,
    "model": BASE,
    "translate": BASE | {"cache", "documents", "model"},
    "checking": BASE | {"documents", "translate", "model"},
    "conversion": BASE | {"documents", "translate", "model", "engines"},
    "engines": BASE | {"cache", "model"},
    "feedback": BASE | {"model"},
    "experiments": BASE | {"tables", "documents", "translate", "model", "engines", "feedback", "diagrams"},
    "diagrams": BASE | {"documents", "translate", "model", "feedback"},
    "editor": BASE
    | {"tables", "documents", "translate", "model", "checking", "conversion"}
    | {"engines", "feedback", "experiments", "diagrams"},
    "study": {"errors", "tables", "diagrams", "sdtheory"},
    "cli": {"errors", "tables", "documents", "model", "editor", "study", "sdtheory"},
}
# conversion prints expressions; nothing else of `documents` may know it or the model
CONVERSION = ("convert", "print_")
# loop scores need runs; nothing else of `feedback` does
DOMINANCE = "dominance"
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_one_way(path):
    part = part_of(path)
    parts = {
        [*dotted.split("."), "sdtheory"][1] for dotted in imported(path) if dotted.split(".")[0] == "sdtheory"
    }
    extra = {"model"} if part == "documents" and path.name.startswith(CONVERSION) else set()
    if part == "feedback" and path.name.startswith(DOMINANCE):
        extra = {"engines"}
    assert parts - {part} <= MAY_IMPORT[part] | extra


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_conversion_knows_how_documents_are_converted(path):
    homes = {dotted.split(".")[2] for dotted in imported(path) if dotted.startswith("sdtheory.documents.")}
    knows = any(home.startswith(CONVERSION) for home in homes)
    inside = part_of(path) == "documents" and path.name.startswith(CONVERSION)
    assert not knows or inside or part_of(path) == "conversion"


def test_the_permitted_arrows_make_no_circle():
    left = {part: targets - {"sdtheory"} for part, targets in MAY_IMPORT.items()}
    while left:
        leaves = {part for part, targets in left.items() if not targets & set(left)}
        assert leaves, f"a circle among {sorted(left)}"
        left = {part: targets for part, targets in left.items() if part not in leaves}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_translation_and_the_reference_engine_know_pysd(path):
    knows = any(dotted.split(".")[0] == "pysd" for dotted in imported(path))
    assert not knows or part_of(path) == "translate" or name(path) == "engines/reference.py"


def test_only_the_maker_of_machine_code_knows_the_compiler():
    knows = {name(path) for path in FILES if "llvmlite" in {d.split(".")[0] for d in imported(path)}}
    assert knows == {"engines/machine_code.py"}


def test_a_small_run_needs_no_compiler():
    run = "sdtheory.simulate(sdtheory.load('models/m0_seed.mdl'))"
    assert "llvmlite" not in loaded_after(f"import sdtheory; {run}")


def test_only_the_shell_commands_import_click():
    others = [path for path in FILES if part_of(path) != "cli"]
    assert not [path for path in others if "click" in {d.split(".")[0] for d in imported(path)}]


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"pysd", "llvmlite", "matplotlib", "xarray", "pandas", "scipy", "numpy", "networkx"}


def test_importing_the_package_imports_nothing_heavy():
    assert not loaded_after("import sdtheory") & HEAVY


def test_reading_a_document_needs_no_engine():
    assert not loaded_after("import sdtheory; sdtheory.read('models/m0_seed.mdl')") & HEAVY


def test_a_model_that_was_translated_before_is_loaded_without_pysd():
    statement = "import sdtheory; sdtheory.load('models/m0_seed.mdl')"
    loaded_after(statement)
    assert "pysd" not in loaded_after(statement)


def test_the_shell_command_starts_light():
    assert not loaded_after("import sdtheory.cli.main") & HEAVY


def test_every_public_name_exists():
    for word in sdtheory.__all__:
        assert getattr(sdtheory, word) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        sdtheory.no_such_name  # noqa: B018

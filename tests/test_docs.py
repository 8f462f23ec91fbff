"""What the pages of docs/ tell a reader to type works, and prints what they show."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdtheory.cli.main import main

PAGES = sorted(Path("docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A folder like a reader's checkout, where anything may be written."""
    shutil.copytree("models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(source, names, page, line):
    test = doctest.DocTestParser().get_doctest(source, names, page, page, line)
    said = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)
    names.update(test.globs)


def run_command(command, shown):
    """One line of a shell block; the commands are ours, and `cp`."""
    program, *arguments = shlex.split(command)
    if program == "cp":
        shutil.copy(*arguments)
        return
    assert program == "sdtheory", command
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0 or "error:" in shown, done.output
    assert doctest.OutputChecker().check_output(shown, done.output, FLAGS), f"{command}\n{done.output}"


def run_shell(source):
    parts = re.split(r"^\$ (.*)\n", source, flags=re.MULTILINE)
    assert not parts[0].strip(), "a shell block begins with a command"
    for command, shown in zip(parts[1::2], parts[2::2], strict=True):
        run_command(command, shown)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_block_of_a_page_runs_and_prints_what_is_shown(page, copy, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = (Path(__file__).parent.parent / page).read_text(encoding="utf-8")
    names = {}
    for block in BLOCK.finditer(text):
        language, file, source = block.groups()
        if language == "python":
            run_python(source, names, page.name, text[: block.start()].count("\n") + 1)
        elif language == "sh":
            run_shell(source)
        else:
            assert file, f"a block of {language or 'no language'} that nothing runs"
            Path(file).write_text(source, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_links_of_a_page_lead_to_files_of_the_repository(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_the_index_lists_every_page_once():
    listed = LINK.findall(Path("docs/README.md").read_text(encoding="utf-8"))
    assert sorted(link for link in listed if "/" not in link) == [
        page.name for page in PAGES if page.name != "README.md"
    ]

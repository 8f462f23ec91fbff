"""What is kept on disk belongs to the user alone, is checked before use, and does not grow for ever."""

from __future__ import annotations

import os
import pickle
import stat
import warnings
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdtheory as sd
from sdtheory import cache
from sdtheory.engines import machine_code
from sdtheory.errors import SDWarning
from sdtheory.translate import stored

KEY = "0" * 64


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "things"


def test_what_was_written_is_read(home):
    assert cache.read("things", KEY) is None
    cache.write("things", KEY, b"one")
    assert cache.read("things", KEY) == b"one"
    cache.write("things", KEY, b"two")
    assert cache.read("things", KEY) == b"two"
    assert [path.name for path in home.iterdir()] == [KEY]


def test_kinds_are_apart(home):
    cache.write("things", KEY, b"one")
    assert cache.read("others", KEY) is None


def test_the_folder_is_the_users_alone(home):
    cache.write("things", KEY, b"one")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / KEY).stat().st_mode) == 0o600


@given(st.data())
def test_a_file_with_any_byte_changed_or_missing_is_not_used(data):
    cache.write("damaged", KEY, b"some bytes that were kept")
    path = cache.folder("damaged") / KEY
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:place])
    else:
        byte = (whole[place] + data.draw(st.integers(1, 255))) % 256
        path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    with pytest.warns(SDWarning, match="is damaged; it is made again"):
        assert cache.read("damaged", KEY) is None
    assert not path.exists()


def test_a_file_under_the_name_of_another_is_not_used(home):
    cache.write("things", KEY, b"one")
    (home / KEY).rename(home / ("1" * 64))
    with pytest.warns(SDWarning, match="is damaged"):
        assert cache.read("things", "1" * 64) is None


class Harmful:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("import os; os.canary_of_the_cache = True",)


@pytest.mark.parametrize("kind", [stored.KIND, machine_code.KIND])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_pickle_under_a_known_name_is_not_loaded(tmp_path, monkeypatch, kind, sealed):
    """Not even one that somebody sealed with the right digest."""
    monkeypatch.setenv("SDTHEORY_CACHE", str(tmp_path))
    monkeypatch.setattr(machine_code, "_functions", OrderedDict())  # what this process made
    path = tmp_path / "model.mdl"
    settings = "INITIAL TIME=0~~|\nFINAL TIME=2~~|\nTIME STEP=1~~|\nSAVEPER=1~~|\n"
    path.write_text("{UTF-8}\nx = INTEG(x * 0.1, 1) ~~|\n" + settings)

    def run() -> list[float]:
        return sd.simulate(sd.load(path), engine="compiled")["x"].tolist()

    expected = run()
    machine_code._functions.clear()
    files = list((tmp_path / kind).iterdir())
    assert files
    for file in files:
        poison = pickle.dumps(Harmful())
        if sealed and kind == stored.KIND:  # machine code is what it is: the folder is the user's alone
            cache.write(kind, file.name, poison)
        else:
            file.write_bytes(poison)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SDWarning)
        assert run() == expected
    assert not hasattr(os, "canary_of_the_cache")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_or_link_in_the_place_of_a_file_is_not_read(home, tmp_path):
    cache.write("things", KEY, b"one")
    kept = (home / KEY).read_bytes()
    (home / KEY).unlink()
    os.mkfifo(home / KEY)
    with pytest.warns(SDWarning, match="is not your own"):
        assert cache.read("things", KEY) is None
    (tmp_path / "elsewhere").write_bytes(kept)
    (home / KEY).symlink_to(tmp_path / "elsewhere")
    assert cache.read("things", KEY) is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_a_folder_of_someone_else_is_refused_with_a_warning(home, monkeypatch):
    cache.write("things", KEY, b"one")
    monkeypatch.setattr(os, "getuid", lambda: home.stat().st_uid + 1)
    assert cache.read("things", KEY) is None
    with pytest.warns(SDWarning, match="is not your own folder, or others may write to it"):
        cache.write("things", KEY, b"two")
    monkeypatch.undo()
    monkeypatch.setenv("SDTHEORY_CACHE", str(home.parent))
    assert cache.read("things", KEY) == b"one"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs permissions of files")
def test_a_folder_that_others_may_write_to_is_refused_with_a_warning(home):
    home.mkdir(parents=True)
    home.chmod(0o777)
    with pytest.warns(SDWarning, match="others may write to it"):
        cache.write("things", KEY, b"one")
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_to_a_folder_is_refused_with_a_warning(home, tmp_path):
    home.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(SDWarning):
        cache.write("things", KEY, b"one")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_said(home):
    home.parent.write_text("a file where the folder should be")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.write("things", KEY, b"one")
    assert cache.read("things", KEY) is None


def test_what_was_used_longest_ago_goes_first(home, monkeypatch):
    monkeypatch.setattr(cache, "MOST_BYTES", 1_000)
    keys = [str(place) * 64 for place in range(4)]
    for age, key in enumerate(keys[:3]):
        cache.write("things", key, b"x" * 268)
        os.utime(home / key, (age, age))
    assert cache.read("things", keys[0]) is not None
    cache.write("things", keys[3], b"x" * 268)
    assert {path.name for path in home.iterdir()} == {keys[0], keys[2], keys[3]}


def test_the_platforms_cache_folder_is_used_when_no_other_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SDTHEORY_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder("models") == tmp_path / "sdtheory" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder("models") == tmp_path / ".cache" / "sdtheory" / "models"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache.folder("models") == tmp_path / "Library" / "Caches" / "sdtheory" / "models"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert cache.folder("models") == tmp_path / "Local" / "sdtheory" / "models"

import os
import re
from pathlib import Path

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import default_store, open_store, resolve_store, urls

EXPECTED = (
    "expected the path of a file, 'sqlite:///FILE' (four slashes before an absolute path), 'sqlite://' in memory, "
    "or 'postgresql://USER@HOST/DATABASE'"
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "sqlit:///a.db",
            f"store 'sqlit:///a.db': unknown scheme 'sqlit', did you mean 'sqlite'?; {EXPECTED}",
        ),
        (
            "mysql://me:hush@db/x?password=hush",
            f"store 'mysql://***@db/x?password=***': unknown scheme 'mysql'; {EXPECTED}",
        ),
        ("sqlite://a.db", f"store 'sqlite://a.db': {EXPECTED}"),
    ],
)
def test_a_url_of_no_store_is_refused(url, message):
    """The refusal names the URL without its password, and what a URL looks like."""
    with pytest.raises(InvalidArgument) as error:
        open_store(url)

    assert str(error.value) == message


@pytest.mark.parametrize("word", ["postgresql:/db", "sqlite:records.db", "", " "])
def test_what_is_neither_a_url_nor_a_path_is_refused(word):
    """A scheme without its slashes is no path, and nothing is none either."""
    with pytest.raises(InvalidArgument, match=r"unknown scheme"):
        resolve_store(word)


@pytest.mark.parametrize(
    "path", ["records.db", "a/b.db", "./records.db", "{folder}/a.db", "~/a.db", "C:/a b.db"]
)
def test_a_plain_path_is_a_file(tmp_path, monkeypatch, path):
    """The path of a file names the same store as its URL does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = path.format(folder=tmp_path)

    assert urls.connect(path).url == urls.connect(f"sqlite:///{path}").url


def test_a_relative_path_is_below_the_current_folder(tmp_path, monkeypatch):
    """The folder is that of the opening, not that of a later record."""
    monkeypatch.chdir(tmp_path)

    assert urls.connect("sqlite:///a/b.db").url == f"sqlite:///{tmp_path}/a/b.db"


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    """A tilde is the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert urls.connect("sqlite:///~/b.db").url == f"sqlite:///{tmp_path}/b.db"


def test_a_store_is_itself(tmp_path):
    """A store, None and "none" need no resolving."""
    with open_store("sqlite://") as store:
        assert resolve_store(store) is store
    assert resolve_store(None) is None
    assert resolve_store("none") is None


def test_another_object_is_no_store():
    """An object of another type is refused by its type."""
    with pytest.raises(InvalidArgument) as error:
        resolve_store(5)

    assert str(error.value) == "store=int: expected a URL, a Store, or None"


def test_one_url_is_one_store(tmp_path):
    """Two guards that name one file share its writer, until it is closed."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    first = resolve_store(url)

    assert resolve_store(url) is first
    first.close()
    assert resolve_store(url) is not first
    resolve_store(url).close()


def test_calls_are_recorded_where_the_words_of_the_moment_say(tmp_path, monkeypatch):
    """What a name meant is remembered, and forgotten where it means another place: a variable, a folder, a closed store."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(tmp_path / "a.db"))
    first = urls.recording_store(default=True)
    assert urls.recording_store(default=True) is first is urls.recording_store(str(tmp_path / "a.db"))

    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(tmp_path / "b.db"))
    assert urls.recording_store(default=True).url == f"sqlite:///{tmp_path}/b.db"

    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    assert urls.recording_store(default=True) is None

    monkeypatch.chdir(tmp_path)
    assert urls.recording_store("a.db") is first
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    assert urls.recording_store("a.db").url == f"sqlite:///{tmp_path}/folder/a.db"

    first.close()
    assert not urls.recording_store(str(tmp_path / "a.db")).is_closed


def test_the_default_store_is_that_of_the_users_folder_of_the_moment(tmp_path, monkeypatch):
    """Without a variable the folder is looked up each time: a test that has one of its own is not recorded elsewhere."""
    for name in ("SCHEMA_GUARD_STORE", "PYTEST_VERSION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    found = []
    for folder in ("one", "two", "one"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / folder))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / folder))
        found.append(urls.recording_store(default=True))

    assert found[0] is found[2] is not found[1]


def test_resolving_makes_no_file(tmp_path):
    """A URL is opened at its first record."""
    with resolve_store(f"sqlite:///{tmp_path / 'records.db'}") as store:
        assert list(store.attempts()) == []
        assert (store.info().rows, store.info().schema_version, store.info().size_bytes) == (0, None, 0)
    assert list(tmp_path.iterdir()) == []


def test_under_pytest_there_is_no_default_store(monkeypatch):
    """Tests record nothing unless the variable names a store."""
    monkeypatch.delenv("SCHEMA_GUARD_STORE", raising=False)

    assert default_store() is None


def test_the_variable_names_the_default_store(monkeypatch, tmp_path):
    """SCHEMA_GUARD_STORE is a URL, under pytest too."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", f"sqlite:///{tmp_path / 'a.db'}")

    with default_store() as store:
        assert store.url == f"sqlite:///{tmp_path / 'a.db'}"


def test_the_variable_may_be_a_path(monkeypatch, tmp_path):
    """SCHEMA_GUARD_STORE may be the path of a file."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(tmp_path / "a.db"))

    with default_store() as store:
        assert store.url == f"sqlite:///{tmp_path / 'a.db'}"


def test_the_variable_can_say_none(monkeypatch):
    """SCHEMA_GUARD_STORE=none turns recording off."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")

    assert default_store() is None


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "/home/u/.local/share/schema-guard"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/schema-guard"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/u/.local/share/schema-guard"),
        ("darwin", {}, "/home/u/Library/Application Support/schema-guard"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/schema-guard"),
        ("win32", {}, "/home/u/AppData/Local/schema-guard"),
    ],
)
def test_the_data_folder_follows_the_system(monkeypatch, platform, variables, folder):
    """Each system has its own place for what programs keep."""
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(os, "environ", {"HOME": "/home/u", **variables})

    assert urls.data_folder() == Path(folder)


def test_a_url_may_say_its_durability(tmp_path):
    """`?durability=sync` holds for every store of that file in the process, whoever names it first."""
    file = tmp_path / "records.db"
    plain = resolve_store(f"sqlite:///{file}")

    assert not plain.is_sync
    assert resolve_store(f"{file}?durability=sync") is plain
    assert plain.is_sync


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("r.db?durabilty=sync", "unknown parameter 'durabilty', did you mean 'durability'"),
        ("sqlite:///r.db?mode=ro", "unknown parameter 'mode'"),
        ("r.db?durability=always", "durability='always': expected 'queue' or 'sync'"),
    ],
)
def test_unknown_parameters_are_refused(url, message):
    """What a URL says and nobody knows is an error, with the near name."""
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        resolve_store(url)

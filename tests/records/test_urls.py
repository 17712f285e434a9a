import os
from pathlib import Path

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store, resolve_store, urls
from tests.needs import needs
from tests.public.records.outcomes import CALL, outcome


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
    results = []
    for folder in ("one", "two", "one"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / folder))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / folder))
        results.append(urls.recording_store(default=True))

    assert results[0] is results[2] is not results[1]


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


def test_the_strictest_policy_of_a_file_holds_for_every_name(tmp_path):
    """A file keeps no texts if one of its names says so: a second store, a symbolic link, or a hard link."""
    path = tmp_path / "records.db"
    with open_store(str(path), payload="full") as first:
        (tmp_path / "link.db").symlink_to(path)
        (tmp_path / "hard.db").hardlink_to(path)
        with open_store(str(tmp_path / "link.db"), payload="hash") as linked:
            assert (first.payload, linked.payload) == ("hash", "hash")
        with open_store(f"{tmp_path}/hard.db?payload=off"), open_store(str(path), payload="full") as last:
            assert (first.payload, last.payload) == ("off", "off")


@needs("redaction")
def test_the_redaction_of_each_opener_holds_for_every_name(tmp_path):
    """A text goes through the functions of all who opened the file, also the texts of a store that would keep all."""
    path, link = tmp_path / "records.db", tmp_path / "link.db"
    with (
        open_store(str(path), payload="redacted", redact=lambda text: text.replace("Ann", "A")),
        open_store(f"{path}?payload=redacted", redact=lambda text: text.replace("Bob", "B")),
    ):
        link.symlink_to(path)
        with open_store(str(link), payload="full") as store:
            store.record(outcome({"prompt": "Ann and Bob", "reply": "Bob and Ann"}))
            (texts,) = store.texts([CALL.id])

    assert (texts.prompt, texts.reply) == ("A and B", "B and A")


def test_a_store_that_states_no_policy_changes_none(tmp_path):
    """A store that is opened to read the file does not change the policy of another store."""
    path = str(tmp_path / "records.db")
    with open_store(path, payload="full") as first, open_store(path):
        assert first.payload == "full"


def test_a_closed_store_states_nothing(tmp_path):
    """The policy of a store that was closed no longer holds."""
    path = str(tmp_path / "records.db")
    open_store(path, payload="off").close()
    with open_store(path, payload="full") as store:
        assert store.payload == "full"


def test_two_links_name_one_store(tmp_path):
    """A guard that names a file and one that names a link to it share a writer."""
    path, link = tmp_path / "records.db", tmp_path / "link.db"
    link.symlink_to(path)

    assert resolve_store(str(path)) is resolve_store(str(link))

"""Paths and URLs of stores: their meaning, their parameters, and invalid ones."""

import re

import pytest

from schema_guard import InvalidArgument, StoreError, default_store, flush, guard, open_store
from tests.needs import needs
from tests.public.records.outcomes import outcome

EXPECTED = (
    "expected the path of a file, 'sqlite:///FILE' (four slashes before an absolute path), 'sqlite://' in memory, "
    "or 'postgresql://USER@HOST/DATABASE'"
)
WRONG = {
    "near scheme": ("sqlit:///a.db", f"store 'sqlit:///a.db': unknown scheme 'sqlit': {EXPECTED}. Did you mean 'sqlite'?"),
    "other scheme": (
        "mysql://me:hush@db/x?password=hush",
        f"store 'mysql://***@db/x?password=***': unknown scheme 'mysql': {EXPECTED}",
    ),
    "two slashes": ("sqlite://a.db", "store 'sqlite://a.db': a slash is missing. Did you mean 'sqlite:///a.db'?"),
    "no slashes": ("sqlite:records.db", "store 'sqlite:records.db': the slashes after the scheme are missing. Did you mean 'sqlite:///records.db'?"),
    "empty": ("", f"store '': unknown scheme '': {EXPECTED}"),
    "blank": (" ", f"store ' ': unknown scheme ' ': {EXPECTED}"),
    "number": (5, f"store=int: {EXPECTED}. Pass the complete URL as a str"),
    "near parameter": (
        "r.db?durabilty=sync",
        ("store 'r.db?durabilty=sync': unknown parameter 'durabilty'. Expected "
        "durability=queue|sync payload=off|hash|redacted|full max_age=90d max_rows=1000000 max_bytes=2GB. Did you mean 'durability'?"),
    ),
    "other parameter": ("sqlite:///r.db?mode=ro", "store 'sqlite:///r.db?mode=ro': unknown parameter 'mode'"),
    "durability": ("r.db?durability=always", "durability='always': expected 'queue' or 'sync'"),
    "payload": ("r.db?payload=ful", "Did you mean 'full'"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "message"), WRONG.values(), ids=WRONG)
def test_rejects_an_invalid_url(url, message, tmp_path, monkeypatch):
    """The message has the URL without its password and the expected format. No file is created."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgument) as error:
        open_store(url)

    assert message in str(error.value)
    assert "hush" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://x", "r.db?durabilty=sync", 5])
def test_guard_rejects_an_invalid_url_at_decoration(url):
    """An invalid `store=` raises when the function is decorated."""
    with pytest.raises(InvalidArgument, match=r"^store"):
        guard({"type": "integer"}, store=url)(lambda prompt: "1")


@pytest.mark.parametrize(
    "words",
    [
        ["store", "info"],
        ["store", "check"],
        ["report"],
        pytest.param(["store", "export"], marks=needs("transfer")),
    ],
)
@pytest.mark.parametrize("url", ["sqlit:///a.db", "r.db?durabilty=sync"])
def test_commands_reject_an_invalid_url(cli, words, url):
    """An invalid `--store` ends with exit status 2 and the nearest name."""
    status, out, err = cli(*words, "--store", url)

    assert (status, out) == (2, "")
    assert "Did you mean" in err


def test_commands_need_a_store(cli):
    """Without a store, the message names the option --store."""
    status, out, err = cli("store", "info")

    assert (status, out) == (2, "")
    assert "Name a store with --store" in err


PATHS = {
    "relative": ("records.db", "records.db"),
    "folder": ("a/b.db", "a/b.db"),
    "dot": ("./records.db", "records.db"),
    "absolute": ("{folder}/a.db", "a.db"),
    "home": ("~/a.db", "a.db"),
    "space": ("a b.db", "a b.db"),
    "URL": ("sqlite:///a.db", "a.db"),
    "absolute URL": ("sqlite:///{folder}/a.db", "a.db"),
    "home URL": ("sqlite:///~/b.db", "b.db"),
    "parameter": ("a.db?durability=sync", "a.db"),
    "question mark": ("what?.db", "what?.db"),
    "two parameters": ("sqlite:///a.db?payload=full&durability=sync", "a.db"),
}


@pytest.mark.parametrize(("url", "file"), PATHS.values(), ids=PATHS)
def test_path_or_url_names_a_file(tmp_path, monkeypatch, url, file):
    """A path or URL is absolute, or relative to the working folder or the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_store(url.format(folder=tmp_path)) as store:
        store.record(outcome())
        store.flush()

        assert (store.url, store.info().path) == (f"sqlite:///{tmp_path}/{file}", str(tmp_path / file))
        assert repr(store) == f"<Store sqlite:///{tmp_path}/{file}>"
    assert (tmp_path / file).stat().st_size > 0
    assert {one.name for one in tmp_path.iterdir() if "?" in one.name or "~" in one.name} <= {
        f"{file}{end}" for end in ("", "-lock", "-wal", "-shm")
    }


def test_memory_store_creates_no_file(tmp_path, monkeypatch):
    """Each `open_store("sqlite://")` returns a separate store."""
    monkeypatch.chdir(tmp_path)
    with open_store("sqlite://") as one, open_store("sqlite://") as other:
        one.record(outcome())

        assert (one.info().rows, other.info().rows) == (1, 0)
    assert list(tmp_path.iterdir()) == []


def test_decoration_creates_no_file(tmp_path):
    """The store of a URL opens at its first record."""
    ask = guard({"type": "integer"}, store=f"{tmp_path}/r.db")(lambda prompt: "1")
    before = list(tmp_path.iterdir())
    ask("t")

    assert before == []
    assert flush(10.0) == 0
    assert (tmp_path / "r.db").exists()


def test_guards_with_one_file_share_a_store(tmp_path):
    """Rows of two guards are in the order of the calls. The stricter durability applies to both."""
    url = f"{tmp_path}/r.db"
    asks = [
        guard({"type": "integer"}, store=store, name=name)(lambda prompt: "1")
        for store, name in ((url, "a"), (f"sqlite:///{url}?durability=sync", "b"))
    ]
    for number in range(6):
        asks[number % 2](f"t{number}")
        with open_store(url) as reader:
            assert reader.info().rows == number + 1

    with open_store(url) as reader:
        assert [row["function"] for row in reader.attempts()] == ["a", "b"] * 3


def test_guard_accepts_an_open_store(store):
    """`store=` accepts an open store."""
    assert guard({"type": "integer"}, store=store)(lambda prompt: "1")("t") == 1

    assert store.info().rows == 1


@pytest.mark.parametrize("none", [None, "none"])
def test_guard_without_a_store_records_nothing(none, tmp_path, monkeypatch):
    """`store=None` and `store="none"` override the environment variable."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(tmp_path / "r.db"))

    assert guard({"type": "integer"}, store=none)(lambda prompt: "1")("t") == 1
    assert list(tmp_path.iterdir()) == []


def test_under_pytest_there_is_no_default_store(monkeypatch):
    """Tests record nothing unless the variable names a store."""
    monkeypatch.delenv("SCHEMA_GUARD_STORE", raising=False)

    assert default_store() is None


@pytest.mark.parametrize("form", ["{}/a.db", "sqlite:///{}/a.db", "{}/a.db?durability=sync"])
def test_variable_sets_the_default_store(monkeypatch, tmp_path, form):
    """SCHEMA_GUARD_STORE is a path or URL, with optional parameters."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", form.format(tmp_path))

    with default_store() as store:
        assert store.url == f"sqlite:///{tmp_path}/a.db"
        assert store.is_sync == ("sync" in form)
        assert list(tmp_path.iterdir()) == []


def test_variable_none_turns_recording_off(monkeypatch, tmp_path):
    """SCHEMA_GUARD_STORE=none also applies outside tests."""
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")

    assert default_store() is None
    assert guard({"type": "integer"})(lambda prompt: "1")("t") == 1
    assert flush(10.0) == 0
    assert list(tmp_path.iterdir()) == []


def test_default_store_rejects_an_invalid_variable(monkeypatch):
    """`default_store` raises for an invalid SCHEMA_GUARD_STORE."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "sqlit:///a.db")

    with pytest.raises(InvalidArgument, match=re.escape("Did you mean 'sqlite'")):
        default_store()


def test_variable_is_read_at_each_call(tmp_path, monkeypatch):
    """A call uses the variable and the working folder at the time of the call."""
    ask = guard({"type": "integer"}, name="ask")(lambda prompt: "1")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (f"{tmp_path}/a.db", f"{tmp_path}/b.db", "none", "c.db", f"{tmp_path}/a.db"):
        monkeypatch.setenv("SCHEMA_GUARD_STORE", name)
        ask("t")
    monkeypatch.chdir(tmp_path / "folder")
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "c.db")
    ask("t")
    assert flush(10.0) == 0

    rows = {}
    for path in sorted(tmp_path.rglob("*.db")):
        with open_store(str(path)) as store:
            rows[path.relative_to(tmp_path).as_posix()] = store.info().rows
    assert rows == {"a.db": 2, "b.db": 1, "c.db": 1, "folder/c.db": 1}


def test_closed_default_store_is_reopened(tmp_path, monkeypatch):
    """A call after the default store was closed is recorded."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", f"{tmp_path}/a.db?durability=sync")
    ask = guard({"type": "integer"}, name="ask")(lambda prompt: "1")
    ask("t")
    default_store().close()
    ask("t")

    with default_store() as store:
        assert store.info().rows == 2


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, "home/.local/share/schema-guard"),
        ({"XDG_DATA_HOME": "{}/data"}, "data/schema-guard"),
        ({"XDG_DATA_HOME": "data"}, "home/.local/share/schema-guard"),
    ],
)
def test_default_store_is_in_the_data_folder(tmp_path, monkeypatch, variables, folder):
    """Without the variable, the store is `records.db` in the user's data folder.

    A relative XDG_DATA_HOME is ignored.
    """
    for name in ("SCHEMA_GUARD_STORE", "PYTEST_VERSION", "PYTEST_CURRENT_TEST", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))

    assert default_store().url == f"sqlite:///{tmp_path}/{folder}/records.db"


def test_store_that_cannot_be_opened_raises_store_error(tmp_path):
    """InvalidArgument is not a StoreError."""
    with pytest.raises(StoreError, match=r"is a folder. Name a file, such as"):
        open_store(str(tmp_path))
    assert not issubclass(InvalidArgument, StoreError)

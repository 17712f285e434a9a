"""What a URL of a PostgreSQL store says, and that nobody is told its password."""

import logging

import pytest

from schema_guard.errors import InvalidArgument, StoreError
from schema_guard.records import open_store, resolve_store, urls

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'schema-guard[postgres]'")
HUSH = "hu%40sh-9381"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://db/app", "postgresql://db/app?schema=schema_guard"),
        (f"postgresql://me:{HUSH}@db:5432/app", "postgresql://me@db:5432/app?schema=schema_guard"),
        ("postgresql:///app?host=/tmp/x&schema=mine", "postgresql:///app?host=/tmp/x&schema=mine"),
        (
            f"postgresql://me@a,b/app?password={HUSH}&sslmode=require",
            "postgresql://me@a,b/app?sslmode=require&schema=schema_guard",
        ),
    ],
)
def test_a_url_is_told_without_its_password(url, told):
    """What libpq knows goes on to it; the schema has a name of its own unless the URL says another."""
    backend = urls.connect(url)

    assert backend.url == told
    assert "sh-9381" not in repr(backend) + repr(vars(backend))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://db/app?sslmod=require", "unknown parameter 'sslmod', did you mean 'sslmode'?"),
        ("postgresql://db/app?schema=a;drop", "schema='a;drop': expected the name of a PostgreSQL schema"),
        (
            "postgresql://db/app?schema=pg_catalog",
            "schema='pg_catalog': expected the name of a PostgreSQL schema",
        ),
        ("postgresql://db/app?durability=always", "durability='always': expected 'queue' or 'sync'"),
    ],
)
def test_what_nobody_knows_is_refused(url, said):
    """A parameter that neither the store nor libpq has is an error, with the near name."""
    with pytest.raises(InvalidArgument) as error:
        resolve_store(url)

    assert said in str(error.value)


@pytest.mark.parametrize("password", ["a/hush", "a@hush", "a#hush", "a?hush", "a?b=hush", "a b/hush"])
def test_a_password_that_is_not_encoded_is_told_to_nobody(password):
    """Its parts would be taken for a host or a database, and be told with them."""
    with pytest.raises(InvalidArgument) as error:
        resolve_store(f"postgresql://me:{password}@db/app")

    assert "hush" not in str(error.value)
    assert "%40" in str(error.value) or "parameter" in str(error.value)


def test_durability_is_said_beside_what_libpq_knows():
    """`?durability=` is ours, wherever it stands."""
    store = resolve_store("postgresql://db/app?connect_timeout=3&durability=sync&sslmode=require")

    assert store.is_sync
    assert store.url == "postgresql://db/app?connect_timeout=3&sslmode=require&schema=schema_guard"


def test_a_server_that_cannot_be_reached_is_told_without_the_password(make, caplog):
    """Neither the error of `open_store` nor the warning of a call has it."""
    url = f"postgresql://me:{HUSH}@127.0.0.1:1/app"
    with pytest.raises(StoreError, match="is not there for now") as error:
        open_store(url)
    with resolve_store(url) as store:
        store.record(make.outcome())
        store.close(0.0)

    said = str(error.value) + repr(error.value) + caplog.text + repr(store)
    assert "sh-9381" not in said
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.costly
def test_without_the_extra_a_store_names_it_and_a_call_goes_on(run):
    """Whoever names the store gets MissingExtra; where the variable names it, drops are counted, and said once."""
    script = """
    import logging
    sys.modules["psycopg"] = None
    from schema_guard import guard
    from schema_guard.errors import MissingExtra
    from schema_guard.records.urls import recording_store
    told = []
    try: open_store(url)
    except MissingExtra as error: told.append(str(error))
    handler = logging.Handler(); handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("schema_guard").addHandler(handler)
    os.environ["SCHEMA_GUARD_STORE"] = url
    values = [guard({"type": "integer"})(call)("a") for call in [lambda prompt: "1"] * 2]
    store = recording_store(default=True); store.flush(5.0)
    print(json.dumps([values, store.counts().dropped, told]))
    """
    values, dropped, (raised, warned) = run(script, "postgresql://me:hush@db/app")

    assert (values, dropped) == ([1, 1], {"store_unavailable": 2})
    assert raised == "a store in PostgreSQL needs psycopg: pip install 'schema-guard[postgres]'"
    assert warned.endswith(raised)
    assert "hush" not in warned

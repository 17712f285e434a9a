"""The tables of a store in PostgreSQL: made once, by whoever comes first, and nobody else's are touched."""

from threading import Thread

import pytest

from schema_guard.errors import StoreError
from schema_guard.ext.postgres.address import parsed
from schema_guard.ext.postgres.database import Postgres
from schema_guard.records import open_store, resolve_store
from schema_guard.records.sql.tables import LAYOUT


def named(url):
    return url.rpartition("schema=")[2]


def test_tables_are_made_once(new_schema, make):
    """Eight processes that open an empty database at the same time all have its tables."""
    url, failed = new_schema(), []

    def work():
        try:
            Postgres(parsed(url)).session().close()
        except StoreError as error:
            failed.append(error)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with open_store(url) as store:
        assert (store.info().schema_version, store.info().engine.partition(" ")[0]) == (LAYOUT, "postgresql")


def test_reading_creates_no_schema(postgres, new_schema):
    """A schema that does not exist reads as empty, and does not exist afterwards."""
    url = new_schema()
    with resolve_store(url) as store:
        assert list(store.attempts()) == []
        assert (store.configurations(), store.by_hour(), store.lost_records()) == ([], [], {})
        assert (store.info().rows, store.info().schema_version, store.info().size_bytes) == (0, None, 0)

    rows = postgres.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", named(url))
    assert rows == []


def test_a_newer_version_is_refused(postgres, new_schema, make):
    """What a later release has written, this one neither reads nor writes."""
    url = new_schema()
    open_store(url).close()
    postgres.execute(
        f"UPDATE {named(url)}.meta SET value = 'schema-guard {LAYOUT + 1}' WHERE key = 'version'"
    )

    with pytest.raises(
        StoreError,
        match=f"has tables of version {LAYOUT + 1}, but this version of schema-guard reads up to {LAYOUT}. Upgrade",
    ):
        open_store(url)


@pytest.mark.parametrize("layout", ["1", "3", "unknown", ""])
def test_an_older_layout_is_refused_and_left_alone(postgres, new_schema, layout):
    url = new_schema()
    open_store(url).close()
    schema = named(url)
    postgres.execute(f"UPDATE {schema}.meta SET value = 'schema-guard {layout}' WHERE key = 'version'")
    before = postgres.execute(f"SELECT * FROM {schema}.meta ORDER BY key")

    for use in (lambda: open_store(url), resolve_store(url).info, resolve_store(url).check):
        with pytest.raises(StoreError) as error:
            use()
        assert str(error.value).endswith(
            f"its schema '{schema}' was made before the first release. Name another one with ?schema="
        )
    assert postgres.execute(f"SELECT * FROM {schema}.meta ORDER BY key") == before


def test_a_check_finds_roll_ups_that_are_not_those_of_the_rows(postgres, new_schema, make):
    """Whoever changes a row by hand is found out."""
    url = new_schema()
    with open_store(url) as store:
        store.record(make.outcome())
        store.record(make.outcome(make.failed, {}))
        store.flush()
        assert store.check().is_sound
        postgres.execute(f"DELETE FROM {named(url)}.attempts WHERE id = 1")

        assert {damage.part for damage in store.check().damage} == {"missing"}

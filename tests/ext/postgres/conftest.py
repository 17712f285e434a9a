"""Stores in PostgreSQL under faults."""

import pytest

from schema_guard.ext.postgres import links
from schema_guard.ext.postgres.address import parsed
from schema_guard.ext.postgres.database import Postgres
from schema_guard.records import Store
from schema_guard.records.writing import writer
from tests.ext.postgres.proxy import Proxy


@pytest.fixture
def proxy(postgres):
    """A proxy before the server."""
    made = Proxy(postgres.folder / ".s.PGSQL.5432")
    yield made
    made.close()


@pytest.fixture
def behind(proxy, new_schema):
    """Give a database that is reached through the proxy, and whose waits are short."""
    schema = new_schema().rpartition("schema=")[2]
    url = f"postgresql://sg@127.0.0.1:{proxy.port}/postgres?schema={schema}&sslmode=disable"
    return lambda **options: Postgres(parsed(url), **{"limit_s": 0.4, "lock_wait_s": 0.3, **options})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """What waits for a server that is away looks again soon."""
    monkeypatch.setattr(links, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(links, "_LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(writer, "_SHORT_PAUSE_S", 0.02)


@pytest.fixture
def roll_ups_equal_rows():
    """Say whether the roll-ups of a database are those of its attempts; gives how many attempts there are."""

    def check(backend):
        with Store(backend) as store:
            configurations = store.configurations()
            rows = store.info().rows
            assert configurations == store.configurations(since=-1e18)
            assert sum(sums.attempts for counts in configurations for sums in counts.sums) == rows
            assert store.check().is_sound
            return rows

    return check

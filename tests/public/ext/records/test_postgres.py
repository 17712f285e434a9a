"""A store on a PostgreSQL server: commands, crashes, users without permissions, and forks."""

import logging
import os
import signal
import time
from contextlib import closing
from threading import Thread

import pytest

from schema_guard import InvalidArgument, StoreError, default_store, flush, guard, open_store
from schema_guard.records import Retention
from tests.public.records import server
from tests.public.records.counting import expected_counts, expected_hours, ledger, stored_counts, stored_hours
from tests.public.records.outcomes import FAILED, outcome

CANARY = "hush-9381"


def schema_of(url):
    return url.rpartition("schema=")[2]


@pytest.mark.parametrize("durability", ["queue", "sync"])
def test_guarded_calls_are_stored_on_the_server(server_url, durability):
    """A second store with the same URL reads the rows."""
    url = server_url(durability=durability)
    replies = iter(["x", "1", "2"])
    ask = guard({"type": "integer"}, store=url, name="ask", max_attempts=2)(lambda prompt: next(replies))
    assert [ask("t"), ask("u")] == [1, 2]
    assert flush(10.0) == 0

    with open_store(url) as store:
        rows = [(row["number"], row["final"], row["kind"], row["form"]) for row in store.attempts()]
        assert rows == [(1, False, "syntax", None), (2, True, None, "clean"), (1, True, None, "clean")]
        info = store.info()
        assert (info.rows, info.path, info.engine.partition(" ")[0]) == (3, None, "postgresql")
        assert store.check().is_sound


def test_commands_work_on_a_server(server_url, cli, cli_json, tmp_path):
    """A file is merged into a server and back, and every command accepts the URL."""
    calls = [
        outcome(
            *[FAILED] * (number % 2),
            {},
            id=str(number),
            started_at=3_000.0 * number,
            segment=f"s{number % 2}",
        )
        for number in range(6)
    ]
    with open_store(f"{tmp_path}/a.db") as store:
        for one in calls:
            store.record(one)
    url = server_url()

    there = cli_json("store", "import", tmp_path / "a.db", "--store", url)["sources"]
    back = cli_json("store", "import", url, "--store", tmp_path / "b.db")["sources"]

    assert [one["added"] for one in there + back] == [9, 9]
    for place in (url, f"{tmp_path}/b.db"):
        with open_store(place) as store:
            assert (stored_counts(store), stored_hours(store)) == (
                expected_counts(calls),
                expected_hours(calls),
            )
            assert store.check().is_sound
    (group,) = cli_json("report", "--store", url)["groups"]
    assert (group["calls"], group["attempts"]) == (6, 9)
    assert cli_json("store", "info", "--store", url)["rows"] == 9
    assert cli_json("store", "check", "--store", url)["sound"]
    exports = [
        cli("store", "export", "--store", place)[1].splitlines()[1:] for place in (url, f"{tmp_path}/a.db")
    ]
    assert exports[0] == exports[1]
    assert cli_json("store", "delete", "--yes", "--segment", "s1", "--store", url) | {"is_shredded": True} == {
        "dry_run": False, "removed": 6, "left": 3, "is_shredded": True,
    }  # fmt: skip
    assert cli("store", "delete", "--counts", "--segment", "s1", "--yes", "--store", url)[0] == 0
    assert [one["calls"] for one in cli_json("report", "--store", url)["groups"]] == [3]


@pytest.mark.parametrize(
    "words",
    [["--segment", "s1"], ["--older-than", "1d"], ["--max-rows", "4"], ["--cluster", "c1"], ["--call", "3"]],
)
def test_dry_run_of_delete_counts_on_a_server(server_url, cli, cli_json, words):
    """`--dry-run` prints the number of the real deletion."""
    url = server_url()
    with open_store(url) as store:
        for number in range(8):
            store.record(
                outcome(
                    id=str(number),
                    started_at=3_000.0 * number,
                    segment=f"s{number % 2}",
                    cluster=f"c{number % 3}",
                )
            )
    dry = cli_json("store", "delete", *words, "--yes", "--dry-run", "--store", url)
    real = cli_json("store", "delete", *words, "--yes", "--store", url)

    assert dry["left"] == 8
    assert dry["removed"] == real["removed"] > 0
    status, _, err = cli("store", "delete", "--cluster", "c11", "--yes", "--store", url)
    assert (status, "has no attempts of the cluster 'c11'" in err) == (2, True)


def test_size_limit_on_a_server_keeps_the_attempts_that_fit(server_url):
    """A store that is too large by a half loses about half of its attempts."""
    url = server_url()
    with open_store(url, payload="full") as store:
        for number in range(400):
            store.record(outcome({"reply": os.urandom(500).hex()}, id=f"{number:032x}"))
        store.flush(60.0)
        store.prune(Retention(max_bytes=200_000))
        stored = store.info().rows

    assert 100 < stored < 300


def test_concurrent_writers_lose_no_row(server_url):
    """Four writers create the tables of an empty schema once. Each one's rows stay in order."""
    url, failed = server_url(), []

    def work(which):
        try:
            with open_store(url) as store:
                for number in range(40):
                    store.record(outcome(*[FAILED] * (number % 3 > 0), {}, id=f"{which}-{number}"))
                    number % 10 or store.flush()
                assert store.flush(20.0) == 0
                assert ledger(store) == (66, 66, {}, 0)
        except Exception as error:  # noqa: BLE001 - asserted below
            failed.append(error)

    threads = [Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with open_store(url) as store:
        calls = [row["call_id"] for row in store.attempts() if row["final"]]
        (result,) = store.configurations()
        assert (result.calls, result.fixed_by_retry, store.info().rows) == (160, 104, 264)
        assert store.check().is_sound
    for which in range(4):
        mine = [call_id for call_id in calls if call_id.startswith(f"{which}-")]
        assert mine == [f"{which}-{number}" for number in range(40)]


def test_reading_creates_no_schema(postgres, server_url, cli):
    """Commands that read do not create a missing schema, and neither does the decoration of a function."""
    url = server_url()
    results = [cli(*line.split(), "--store", url)[0] for line in ("report", "store export", "store check")]
    guard({"type": "integer"}, store=url)(lambda prompt: "1")

    assert results == [2, 2, 2]
    assert postgres.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema_of(url)) == []


def test_a_schema_of_another_program_is_left_alone(postgres, server_url, cli):
    """The store refuses a schema with foreign tables and does not change them."""
    url = server_url()
    postgres.execute(f"CREATE SCHEMA {schema_of(url)}")
    postgres.execute(f"CREATE TABLE {schema_of(url)}.meta (mine text)")

    with pytest.raises(
        StoreError, match=r"has tables of another program. Name another PostgreSQL schema with \?schema="
    ):
        open_store(url)
    assert cli("store", "info", "--store", url)[0] == 2
    sql = "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s"
    assert postgres.execute(sql, schema_of(url)) == [("meta",)]


def test_user_without_permission_needs_an_existing_schema(postgres, server_url):
    """A user who cannot create a schema can use one that an administrator created."""
    url = server_url()
    user = f"u_{schema_of(url)}"
    postgres.execute(f"CREATE ROLE {user} LOGIN")
    mine = url.replace("//sg@", f"//{user}@")

    with pytest.raises(StoreError, match="does not permit this user to do that"):
        open_store(mine)
    postgres.execute(f"CREATE SCHEMA {schema_of(url)} AUTHORIZATION {user}")
    with open_store(mine, durability="sync") as store:
        store.record(outcome())
        assert ledger(store) == (1, 1, {}, 0)


def test_calls_succeed_without_a_server(caplog, monkeypatch):
    """Calls return their values and rows wait. No message has the password."""
    url = f"postgresql://me:{CANARY}@127.0.0.1:1/app"
    with pytest.raises(StoreError, match="is not available now") as error:
        open_store(url)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)
    ask = guard({"type": "integer"})(lambda prompt: "1")

    begun = time.monotonic()
    assert [ask("t") for _ in range(3)] == [1] * 3
    took = time.monotonic() - begun
    store = default_store()
    waiting = ledger(store)
    store.close(0.0)

    assert took < 2.0
    assert waiting == (3, 0, {}, 3)
    assert CANARY not in str(error.value) + repr(error.value) + caplog.text + repr(store)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_server_crash_loses_no_row():
    """Rows that are recorded during a crash wait, and are stored once after the restart."""
    running = server.running()
    mine = next(running)
    with closing(running), open_store(mine.url("crash")) as store:
        for number in range(20):
            store.record(outcome(FAILED, {}, id=str(number)))
            if number == 5:
                store.flush(10.0)
                mine.kill()
        during = ledger(store)
        mine.start()
        assert store.flush(30.0) == 0
        assert ledger(store) == (40, 40, {}, 0)
        assert [row["call_id"] for row in store.attempts() if row["final"]] == [str(n) for n in range(20)]
        assert store.check().is_sound
        assert [one.calls for one in store.configurations()] == [20]

    assert during == (40, 12, {}, 28)


def test_closed_connections_lose_no_row(postgres, server_url):
    """The server closes every connection three times. Each row is stored once."""
    url = server_url()
    with open_store(url) as store:
        for part in range(3):
            for number in range(5):
                store.record(outcome(id=f"{part}-{number}"))
            store.flush(10.0)
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'schema-guard'"
            )
        store.record(outcome(id="last"))
        assert store.flush(20.0) == 0

        assert ledger(store) == (16, 16, {}, 0)
        assert len({row["call_id"] for row in store.attempts()}) == 16


FORKING = """
import threading
store = open_store(url, durability="sync")
ask = guard({"type": "integer"}, store=store, name="ask")(lambda prompt: "1")
stop, acked = threading.Event(), [0] * 2
def work(i):
    while not stop.is_set():
        ask("t"); acked[i] += 1
        time.sleep(0.01)
def code():
    while store.flush(10.0): pass
    counts = store.counts()
    return 0 if counts.stored == 1 else 3 if counts.lost_records == {"forked_while_writing": 1} else 7
threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
for thread in threads: thread.start()
children, lasted = [], []
for n in range(4):
    time.sleep(0.02)
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        ask("t")
        if n % 2: os._exit(code())
        found = code()
        store.close()
        sys.exit(found)
    lasted.append(time.perf_counter() - begun)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads: thread.join()
store.flush(60.0)
store.close(10.0)
counts = store.counts()
print(json.dumps([codes, lasted, sum(acked), counts.offered, counts.stored, counts.lost_records]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forks_with_threads_lose_no_call(server_url, run, count_rows):
    """The calls of the parent and its children are stored once."""
    url = server_url()
    codes, lasted, acked, offered, stored, lost_records = run(FORKING, url)

    # If a fork waits for the whole limit of 0.25 s, the child counts its row as lost.
    assert set(codes) <= {0, 3}
    assert codes.count(3) <= sum(took >= 0.25 for took in lasted)
    assert (acked, acked, {}) == (offered, stored, lost_records)
    assert count_rows(url) == acked + codes.count(0)


def test_sync_survives_a_kill(server_url, run, count_rows):
    """The rows of "sync" are stored after kill -9 of the process."""
    url = server_url()
    run(
        """
        store = open_store(url, durability="sync")
        for n in range(20): store.record(outcome(FAILED, {}, id=str(n)))
        os.kill(os.getpid(), 9)
        """,
        url,
        exit_code=-signal.SIGKILL,
    )

    assert count_rows(url) == 40


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql:/db", "Did you mean 'postgresql://db'?"),
        ("postgresql://db/app?sslmod=require", "libpq parameter. Did you mean 'sslmode'?"),
        ("postgresql://db/app?schema=a;drop", "schema='a;drop': expected the name of a PostgreSQL schema"),
        ("postgresql://db/app?durability=always", "durability='always': expected 'queue' or 'sync'"),
        ("postgresql://db/app?payload=ful", "Did you mean 'full'"),
    ],
)
def test_rejects_a_wrong_url_at_decoration(url, message):
    """A parameter that neither the store nor libpq has is an error, with the near name."""
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    with pytest.raises(InvalidArgument) as error:
        guard({"type": "integer"}, store=url)(lambda prompt: "1")

    assert message in str(error.value)


@pytest.mark.parametrize("password", ["a/hush", "a@hush", "a#hush", "a?hush", "a?b=hush", "a b/hush"])
def test_a_password_that_is_not_encoded_is_told_to_nobody(password):
    """Its parts would be taken for a host or a database, and be told with them."""
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    with pytest.raises(InvalidArgument) as error:
        open_store(f"postgresql://me:{password}@db/app")

    assert "hush" not in str(error.value)


def test_missing_psycopg_is_an_error_with_the_install_command(run):
    """`open_store` raises MissingExtra. Guarded calls return their values."""
    script = """
    import logging
    sys.modules["psycopg"] = None
    from schema_guard import MissingExtra, default_store
    told = []
    try: open_store(url)
    except MissingExtra as error: told.append(str(error))
    handler = logging.Handler(); handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("schema_guard").addHandler(handler)
    os.environ["SCHEMA_GUARD_STORE"] = url
    values = [guard({"type": "integer"})(call)("a") for call in [lambda prompt: "1"] * 2]
    flush(5.0)
    print(json.dumps([values, told]))
    """
    values, (raised, warned) = run(script, "postgresql://me:hush@db/app")

    assert values == [1, 1]
    assert raised == "a store in PostgreSQL needs psycopg. Run pip install 'schema-guard[postgres]'"
    assert warned.endswith(raised)
    assert "hush" not in warned

"""Guarded calls for every row: of plain iterables here; of Ray's datasets, with workers that are killed, at the end."""

import asyncio
import json
import os
import signal
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import guard, tags
from schema_guard.bench import enforce_dataset
from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.rows.ray_data import _OneWriter
from schema_guard.models.scripted import ScriptedModel
from schema_guard.records import open_store

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def counting(prompt: str):
    """Give the number at the end of a task, which stands first in what is sent."""
    return json.dumps({"n": int(prompt.split()[1])})


def rows_of(numbers):
    return [{"prompt": f"row {n} .", "extra": -n} for n in numbers]


def told(rows, model=counting, **settings):
    settings = {"strategy": "bare", "store": None, **settings}
    return list(enforce_dataset(rows, SCHEMA, model, **settings))


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/records.db", durability="sync") as opened:
        yield opened


@given(st.lists(st.integers(0, 999), max_size=40), st.integers(1, 5))
def test_every_row_comes_back_in_its_place(numbers, concurrency):
    """Whatever the rows and the calls at once, each row has its own value and its own columns, in the order given."""
    result = told(rows_of(numbers), concurrency=concurrency)

    assert [json.loads(row["value"])["n"] for row in result] == numbers
    assert [row["extra"] for row in result] == [-n for n in numbers]


@given(st.lists(st.sampled_from(["good", "bad", "raise", None]), max_size=20))
def test_a_row_that_fails_stops_no_other_row(kinds):
    """A row is ok exactly when its own call is, and every attempt of a row that has a task is recorded once."""

    def model(prompt: str):
        if "raise" in prompt:
            raise TimeoutError("too slow")
        return '{"n": 1}' if "good" in prompt else "bad"

    with open_store("sqlite://", durability="sync") as store:
        result = told([{"prompt": kind} for kind in kinds], model, store=store, max_attempts=1)
        recorded = len(list(store.attempts()))

    assert [row["ok"] for row in result] == [kind == "good" for kind in kinds]
    assert recorded == sum(kind is not None for kind in kinds) == sum(row["attempts"] for row in result)


def test_columns_of_a_valid_row():
    """A row has what it had, the value as JSON text, and what the call took."""
    usage = {"input_tokens": 7, "output_tokens": 3}
    model = ScriptedModel(
        ["no", {"reply": '{"n": 1}', "usage": usage}, {"reply": '{"n": 2}', "usage": usage}]
    )

    result = told([{"prompt": "a", "id": 5}, {"prompt": "b", "id": 6}], model, concurrency=1, output="found")

    fine = {"ok": True, "failure_kind": None, "failure_code": None, "failure_message": None}
    assert result == [
        {"prompt": "a", "id": 5, "found": '{"n":1}', **fine, "attempts": 2, "input_tokens": None, "output_tokens": None},
        {"prompt": "b", "id": 6, "found": '{"n":2}', **fine, "attempts": 1, "input_tokens": 7, "output_tokens": 3},
    ]  # fmt: skip


def test_columns_of_rows_without_a_value():
    """A failed row says why: the last failure, the words of an exception, or what is wrong with the task."""

    def model(prompt: str):
        if prompt == "raise":
            raise ValueError("the server is down")
        return '{"n": "x"}'

    result = told([{"prompt": "wrong"}, {"prompt": "raise"}, {"prompt": 5}], model, max_attempts=2)

    assert [(row["value"], row["failure_kind"], row["failure_code"], row["attempts"]) for row in result] == [
        (None, "structure", "type", 2),
        (None, "transport", "call_raised", 1),
        (None, "transport", "call_raised", 0),
    ]
    assert result[1]["failure_message"] == "ValueError: the server is down"
    assert result[2]["failure_message"].startswith("InvalidArgument: ")


def test_value_null_is_a_value():
    """The text null is a value; None is none."""
    (row,) = enforce_dataset([{"prompt": "a"}], {"type": "null"}, lambda prompt: "null", store=None)

    assert (row["value"], row["ok"]) == ("null", True)


def test_typed_values_are_written_as_json():
    """A schema that is a class gives its fields."""

    @dataclass
    class Point:
        x: int

    (row,) = enforce_dataset([{"prompt": "a"}], Point, lambda prompt: '{"x": 3}', store=None)

    assert row["value"] == '{"x":3}'


class Colour(Enum):
    """An enum whose values are no texts."""

    RED = 1


class Size(StrEnum):
    """An enum whose values are texts."""

    LARGE = "L"


@dataclass
class Order:
    """What JSON has no types for."""

    colour: Colour
    size: Size
    tags: set[str]
    total: Decimal
    day: date
    key: UUID


def pydantic_types():
    pydantic = pytest.importorskip("pydantic", reason="needs Pydantic: pip install pydantic")

    class Aliased(pydantic.BaseModel):
        total: int = pydantic.Field(alias="theTotal")

    return {
        "alias": Aliased,
        "keys": pydantic.TypeAdapter(dict[UUID, int]),
        "duration": pydantic.TypeAdapter(list[timedelta]),
    }


KEY = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    ("kind", "instance"),
    [
        (Order, {"colour": 1, "size": "L", "tags": ["a"], "total": "1.5", "day": "2026-03-04", "key": KEY}),
        (list[Decimal], ["3", "1.25", "-0.5"]),
        (frozenset[int], [7]),
        ("alias", {"theTotal": 3}),
        ("keys", {KEY: 1}),
        ("duration", ["P1DT2H"]),
    ],
    ids=["dataclass", "decimals", "set", "alias", "keys", "duration"],
)
def test_values_are_written_by_their_type(kind, instance):
    """The JSON of a value is what its type writes and reads again."""
    kind = pydantic_types()[kind] if isinstance(kind, str) else kind

    (row,) = enforce_dataset([{"prompt": "a"}], kind, lambda prompt: json.dumps(instance), store=None)

    assert (row["failure_message"], json.loads(row["value"] or "null")) == (None, instance)


def test_words_that_have_no_utf_8_are_escaped():
    """Half of a surrogate pair in the words of an exception stops no row: Arrow would not take it."""

    def model(prompt: str):
        raise ValueError("half \ud800")

    (row,) = told([{"prompt": "a"}], model)

    assert row["failure_message"] == r"ValueError: half \ud800"


def test_asynchronous_function_is_awaited():
    """All its calls are in one event loop."""
    loops = set()

    async def model(prompt: str):
        loops.add(id(asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return counting(prompt)

    assert [row["value"] for row in told(rows_of(range(9)), model)] == [f'{{"n":{n}}}' for n in range(9)]
    assert len(loops) == 1


def test_model_by_name(tmp_path):
    """What connect() takes is connected."""
    path = tmp_path / "model.jsonl"
    path.write_text('{"when": "row", "reply": "{\\"n\\": 4}"}')

    assert [row["value"] for row in told(rows_of([1]), f"scripted:{path}")] == ['{"n":4}']


def test_rows_are_read_as_they_are_taken():
    """Of endless rows no more are read than four for each call at once."""
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield {"prompt": f"row {read} ."}

    rows = enforce_dataset(endless(), SCHEMA, counting, strategy="bare", store=None, concurrency=3)
    before = read
    next(rows)
    first = read
    next(rows)
    rows.close()

    assert (before, first, read) == (0, 12, 13)


def test_concurrency_is_a_bound():
    """At most so many calls are under way at once."""
    lock, under_way, most = threading.Lock(), 0, 0
    # Nobody goes on before a second one is there: two are under way, and a third one would be seen.
    two = threading.Barrier(2, timeout=60.0)

    def model(prompt: str):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        two.wait()
        with lock:
            under_way -= 1
        return counting(prompt)

    told(rows_of(range(50)), model, concurrency=2)

    assert most == 2


def test_records_have_ids_of_their_own(store):
    """Equal tasks are calls of their own, under the given name and with the tags of the code that takes the rows."""
    with tags(segment="night"):
        told([{"prompt": "row 1 ."}] * 3, store=store, name="nightly")
    rows = list(store.attempts())

    assert len({row["call_id"] for row in rows}) == 3
    assert {(row["function"], row["segment"]) for row in rows} == {("nightly", "night")}


WRONG = [
    ({"concurrency": 0}, "concurrency=0: expected an int >= 1"),
    ({"output": "ok"}, "output='ok': expected a name that no other column has"),
    ({"max_attempts": 0}, "max_attempts=0: expected an int >= 1"),
    ({"strategy": "strict_schema"}, "strategy='strict_schema': "),
    ({"strategy": "bar"}, "strategy='bar': expected one of"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[str(settings) for settings, _ in WRONG])
def test_wrong_settings_are_refused_before_a_row_is_read(settings, message):
    """What is wrong with every row is an error when the rows are asked for."""
    with pytest.raises(InvalidArgument) as caught:
        enforce_dataset(rows_of([1]), SCHEMA, counting, **{"store": None, **settings})

    assert str(caught.value).startswith(message)


def test_wrong_schema_is_refused():
    """The schema is loaded when the rows are asked for."""
    with pytest.raises(InvalidSchema):
        enforce_dataset([], {"type": 5}, counting, store=None)


COLUMNS = [
    ([{"promt": "a"}], "task='prompt': expected one of the columns 'promt'. Did you mean 'promt'?"),
    ([{"prompt": "a", "ok": 1}], "rows: the rows already have the result columns 'ok'. Rename these columns"),
]


@pytest.mark.parametrize(("rows", "message"), COLUMNS, ids=["missing", "taken"])
def test_wrong_columns_are_told_at_the_first_row(rows, message):
    """A column that is missing, or would be written over, is no matter of one row."""
    with pytest.raises(InvalidArgument) as caught:
        told(rows)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("rows", "number"), [(["a"], 1), ([5], 1), ([{"prompt": "a"}, "b"], 2)])
def test_a_row_that_is_no_mapping_is_told(rows, number):
    """It has no columns to come back with."""
    kind = type(rows[-1]).__name__

    with pytest.raises(
        InvalidArgument, match=rf"^rows: row {number}: expected a mapping of columns, got {kind}$"
    ):
        told(rows)


def test_a_later_row_without_the_task_is_told():
    """One row that lacks the column stops no other."""
    result = told([*rows_of([1]), {"extra": 1}, *rows_of([2])])

    assert [row["ok"] for row in result] == [True, False, True]
    assert result[1]["failure_message"] == "KeyError: 'prompt'"


def test_a_recorder_whose_store_cannot_be_read_lets_the_rows_go_on(tmp_path, caplog):
    """It says how many calls are not recorded, and why."""
    (tmp_path / "records.db").write_bytes(b"no database " * 1_000)
    outcome = guard(SCHEMA, strategy="bare", store=None)(counting).outcome("row 1 .")

    _OneWriter(f"sqlite:///{tmp_path}/records.db").record([(outcome, None)])

    (told_of,) = [
        record.getMessage() for record in caplog.records if "their rows have" in record.getMessage()
    ]
    assert told_of.startswith("recording 1 calls failed, but their rows have the results: ")


# On Ray.

on_ray = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine, gone with the tests."""
    ray = pytest.importorskip("ray", reason="no Ray. Run pip install 'schema-guard[ray]'")
    pytest.importorskip("ray.data", reason="no Ray Data. Run pip install 'schema-guard[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # All stores hash with one key, so that their hashes can be compared.
        patch.setenv("SCHEMA_GUARD_HASH_KEY", "test")
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", _node_ip_address="127.0.0.1"
        )  # fmt: skip
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
        ray.shutdown()


def deadly(folder, times):
    """A function that kills its process the first times that it is asked the seventh row."""
    deaths = [folder / f"death-{number}" for number in range(times)]

    # Made inside of a function, so that it goes to workers by value: they cannot import tests.
    def model(prompt: str):
        number = int(prompt.split()[1])
        for death in deaths if number == 7 else ():
            if not death.exists():
                death.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return "no" if number % 5 == 0 else json.dumps({"n": number})

    return model


def recorded(store):
    """The attempts of a store, without what is of the clock or the run."""
    own = (
        "call_id",
        "started_at",
        "elapsed_s",
        "version",
    )  # the version has the deaths that the function reads
    return Counter(
        json.dumps({key: value for key, value in row.items() if key not in own}, sort_keys=True)
        for row in store.attempts()
    )


class TestOnRay:
    pytestmark = on_ray

    @pytest.mark.parametrize("id_column", ["extra", "id"], ids=["with ids", "without"])
    @pytest.mark.parametrize("times", [0, 2], ids=["undisturbed", "killed twice"])
    def test_rows_and_records_are_those_of_a_plain_run(self, cluster, tmp_path, times, id_column):
        """Every row is there once and every attempt is recorded once, also when workers are killed."""
        rows = rows_of(range(60))
        settings = {"strategy": "bare", "max_attempts": 2, "concurrency": 1, "name": "rows", "id": id_column}
        with (
            open_store(f"sqlite:///{tmp_path}/here.db") as here,
            open_store(f"sqlite:///{tmp_path}/ray.db") as there,
        ):
            plain = list(enforce_dataset(rows, SCHEMA, deadly(tmp_path, 0), store=here, **settings))
            dataset = enforce_dataset(
                cluster.data.from_items(rows), SCHEMA, deadly(tmp_path, times), store=there, **settings
            )
            spread = sorted(dataset.take_all(), key=lambda row: -row["extra"])

            assert len(list(tmp_path.glob("death-*"))) == times
            assert spread == plain
            assert recorded(there) == recorded(here)

    @pytest.mark.parametrize("id_column", ["extra", "id"], ids=["with ids", "without"])
    def test_a_batch_that_is_repeated_is_recorded_once(self, cluster, tmp_path, id_column):
        """A worker is killed after its batch was recorded: Ray makes the batch again, the records stay as they are."""
        killed = tmp_path / "killed"

        def kill_once(row):
            if row["extra"] == -7 and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return row

        asked = tmp_path / "asked"

        def model(prompt: str):
            with asked.open("a") as file:
                file.write(f"{prompt}\n")
            return json.dumps({"n": int(prompt.split()[1])})

        with open_store(f"sqlite:///{tmp_path}/records.db") as store:
            rows = cluster.data.from_items(rows_of(range(12)), override_num_blocks=1)
            dataset = enforce_dataset(
                rows, SCHEMA, model, strategy="bare", concurrency=1, id=id_column, store=store
            )
            result = dataset.map(kill_once).take_all()

            assert killed.exists()
            assert sorted(json.loads(row["value"])["n"] for row in result) == list(range(12))
            assert len(asked.read_text().splitlines()) == 24
            assert len(list(store.attempts())) == 12

    def test_equal_rows_are_calls_of_their_own(self, cluster, tmp_path):
        """Without ids equal tasks of one batch are told apart."""
        with open_store(f"sqlite:///{tmp_path}/records.db") as store:
            rows = cluster.data.from_items([{"prompt": "row 1 ."}] * 5)
            result = enforce_dataset(
                rows, SCHEMA, deadly(tmp_path, 0), strategy="bare", store=store
            ).take_all()

            assert len(result) == len({row["call_id"] for row in store.attempts()}) == 5

    def test_a_store_in_memory_is_refused(self, cluster):
        """Workers cannot reach it."""
        with (
            open_store("sqlite://") as store,
            pytest.raises(InvalidArgument, match=r"^store 'sqlite://': this store exists only in"),
        ):
            enforce_dataset(cluster.data.from_items(rows_of([1])), SCHEMA, counting, store=store)

    def test_a_model_that_cannot_be_sent_is_refused(self, cluster):
        """A model with connections needs a name."""
        model = ScriptedModel({"": "{}"})

        with pytest.raises(InvalidArgument, match=r"^model model can't be sent to the Ray workers"):
            enforce_dataset(cluster.data.from_items(rows_of([1])), SCHEMA, model, store=None)

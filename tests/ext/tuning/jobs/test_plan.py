"""What is said of a job before anything of it is done."""

import codecs
import hashlib
import json
import re
from contextlib import contextmanager
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.http import Listener, SentResponse
from schema_guard.ext.tuning.jobs.hosts import HostError, connect_host
from schema_guard.ext.tuning.jobs.plan import plan_job, refused
from schema_guard.ext.tuning.jobs.state import TuningJob
from schema_guard.ext.tuning.training_rows import SftRow, TrainingSet, read_set
from schema_guard.prices.tuning import closing_of
from tests.ext.tuning.jobs.sets import host_of, row, training_set

TODAY = date(2026, 11, 26)
# A model of which both days are known; names of hosted models stand in the table alone.
CLOSING = closing_of("gpt-4o-mini")


@contextmanager
def serving(respond):
    """A server on loopback that answers as it is told."""
    listener = Listener(("127.0.0.1", 0), respond)
    listener.start()
    url = f"http://127.0.0.1:{listener.server_address[1]}"
    try:
        yield SimpleNamespace(url=url, openai_url=f"{url}/v1")
    finally:
        listener.stop()


def rows_of(rows=20, **more):
    keys = frozenset({frozenset({"messages"})})
    known = {"keys": keys, "bytes": {"train.jsonl": 900}, "tokens": 400}
    return TrainingSet([SftRow([], "{}")] * rows, [], **{**known, **more})


def plan_of(*, found=None, backend="openai", base="small", today=TODAY, **more):
    given_ = {"epochs": None, "price": None, **more}
    return plan_job(found or rows_of(), backend=backend, base=base, today=today, **given_)


@given(
    tokens=st.none() | st.integers(0, 10**9),
    epochs=st.none() | st.integers(1, 20),
    price=st.none() | st.floats(0, 100),
)
def test_a_cost_is_expected_where_all_of_it_is_known(tokens, epochs, price):
    """Price, tokens and epochs make a cost; without one of them it is not known."""
    cost = plan_of(found=rows_of(tokens=tokens), epochs=epochs, price=price).cost

    if None in (tokens, epochs, price):
        assert cost["expected"] is None
    else:
        assert cost["expected"] == pytest.approx(price * tokens * epochs / 1e6)
    assert (cost["dollars"], cost["trained_tokens"]) == (None, None)


def test_a_price_that_was_seen_is_shown_and_not_used():
    """It stands there with its source and month; the cost stays unknown."""
    plan = plan_of(base="gpt-4o-mini", today=date(2026, 12, 1), epochs=2)

    assert (plan.cost["price"], plan.cost["expected"]) == (None, None)
    (line,) = [line for line in plan.lines if line.startswith("  cost: ")]
    assert line == (
        "  cost: unknown. The last known price is $3 per million tokens, which would be $0.0024 (train gpt-4o-mini: price pages, "
        "second-hand, 2026-11). Look up your price, and add it with --price"
    )


@pytest.mark.parametrize(
    ("base", "amount"),
    [("qwen-7b", 0.5), ("llama-v3p1-8b-instruct", 0.5), ("m-2p5b", 0.5), ("m-70b", 3.0), ("m-400b", None), ("m", None)],
)  # fmt: skip
def test_a_size_in_a_name_finds_a_price_by_size(base, amount):
    """A host that charges by parameters has a row for so many."""
    text = " ".join(plan_of(backend="fireworks", base=base).lines)

    if amount is None:
        assert "cost: unknown without --price, the price" in text
    else:
        assert f"The last known price is ${amount:g} per million tokens" in text


@given(days=st.integers(-400, 400))
def test_a_closed_model_is_refused_from_the_day_after(days):
    """On its last day of training a model is tuned; after it nothing is uploaded."""
    last = date.fromisoformat(CLOSING.last_training)
    plan = plan_of(base="gpt-4o-mini", today=last + timedelta(days))

    assert bool(plan.against) == (days > 0)
    assert any(CLOSING.last_inference in line and CLOSING.source in line for line in plan.lines)
    if -92 <= days <= 0:
        assert any(line.startswith("training ends in ") for line in plan.warnings)


def test_the_days_of_one_host_are_not_those_of_another():
    """The same model at another host is closed when that one closes it."""
    plan = plan_of(backend="azure", base="gpt-4-0613", found=rows_of(has_mark=True))

    assert plan.against == []
    assert "  dates: the shutdown date of the base model is unknown" in plan.lines


@pytest.mark.parametrize(
    ("backend", "more", "told"),
    [
        ("openai", {"rows": 9}, "train.jsonl has 9 rows, but OpenAI needs at least 10"),
        ("fireworks", {"rows": 2}, "train.jsonl has 2 rows, but Fireworks needs at least 3"),
        ("fireworks", {"rows": 3_000_001}, "Fireworks accepts at most 3,000,000"),
        ("fireworks", {"bytes": {"train.jsonl": 200_000_000}}, "Fireworks accepts at most 150,000,000 in one request"),
        ("azure", {}, "train.jsonl has no byte-order mark, but Azure OpenAI needs one"),
        ("openai", {"keys": frozenset({frozenset({"prompt", "completion"})})}, "OpenAI needs {messages}"),
        ("together", {"keys": frozenset({frozenset({"text"})})}, "train.jsonl has rows with {text}, but Together needs"),
        ("openai-compatible", {"rows": 1}, None),
        ("openai", {}, None),
    ],
)  # fmt: skip
def test_what_a_host_would_refuse_is_known_before(backend, more, told):
    """Rows, bytes and forms; of a server that nobody knows nothing is."""
    result = refused(rows_of(**more), backend)

    assert result == [] if told is None else told in result[0]


def test_a_set_is_read_as_it_is(tmp_path):
    """Rows, tokens and form; a byte-order mark is no part of a row."""
    result = read_set(training_set(tmp_path / "set"))
    marked = training_set(tmp_path / "marked", measured=0)
    train = marked / "train.jsonl"
    train.write_bytes(codecs.BOM_UTF8 + train.read_bytes())
    with_mark = read_set(marked)

    assert (tuple(result.bytes), len(result.train), len(result.validation), result.tokens, result.has_mark) == (
        ("train.jsonl", "validation.jsonl"), 12, 4, 400, False
    )  # fmt: skip
    assert (tuple(with_mark.bytes), with_mark.has_mark) == (("train.jsonl",), True)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "train.jsonl: expected at least one training row"),
        (["{"], "train.jsonl:1: invalid JSON at column 2"),
        (["[]"], "train.jsonl:1: at (root): expected object, got array of 0 items"),
        ([json.dumps({"messages": row(1)["messages"][:1]})], "train.jsonl:1: at /messages: expected"),
        ([json.dumps({"messages": row(1)["messages"][:1] * 2})], "train.jsonl:1: expected messages that end with"),
        (["[]"] * 7, "train.jsonl:5: at (root): expected object, got array of 0 items; and 2 more"),
        ([json.dumps(row(1)), "[" * 100_000], "train.jsonl:2: invalid JSON: the value is nested too deep"),
    ],
)  # fmt: skip
def test_what_is_no_row_is_told_by_its_line(tmp_path, lines, told):
    """Nothing is uploaded of which a line is wrong."""
    folder = training_set(tmp_path / "set")
    (folder / "train.jsonl").write_text("".join(f"{line}\n" for line in lines))

    with pytest.raises(InvalidArgument, match=re.escape(told)):
        read_set(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"format": 2}',
            "has the format 2, but this version of schema-guard reads only format 1. Upgrade schema-guard",
        ),
        ("[" * 100_000, "expected the manifest of a training set, but reading it failed: "),
        ("[]", "expected the manifest of a training set, which is a JSON object"),
    ],
    ids=["a later one", "deep", "a list"],
)
def test_a_manifest_that_is_not_understood_is_told(tmp_path, text, told):
    """Nothing is made of what another version means by it."""
    folder = training_set(tmp_path / "set")
    (folder / "manifest.json").write_text(text)

    with pytest.raises(InvalidArgument, match=re.escape(told)):
        read_set(folder)


def test_a_folder_that_is_no_training_set_says_what_writes_one(tmp_path):
    """The missing files, and the command."""
    with pytest.raises(InvalidArgument) as caught:
        read_set(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path}: expected a training set that `schema-guard tune prepare` wrote, "
        "but reading it failed: train.jsonl: this file is missing"
    )


def test_tokens_of_another_file_are_not_those_of_this_one(tmp_path):
    """Rows that were changed after the export have no count, and no cost is expected of the old one."""
    folder = training_set(tmp_path / "set")
    train, manifest = folder / "train.jsonl", folder / "manifest.json"
    counted = json.loads(manifest.read_text())
    counted["files"]["train"]["sha256"] = hashlib.sha256(train.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(counted))
    before = read_set(folder)
    with train.open("a") as file:
        file.write(json.dumps(row(99)) + "\n")
    after = read_set(folder)
    text = plan_job(after, backend="openai", base="small", epochs=1, price=3.0, today=date(2026, 11, 27))

    assert (before.tokens, after.tokens, text.cost["expected"]) == (400, None, None)
    assert "  tokens: unknown, because train.jsonl is not the file that manifest.json describes" in text.lines


def test_two_forms_in_a_file_are_told():
    """A file has one form."""
    keys = frozenset({frozenset({"messages"}), frozenset({"prompt", "completion"})})

    assert refused(rows_of(keys=keys), "together") == [
        "expected rows of one form in train.jsonl, got 2 forms: {completion, prompt} or {messages}"
    ]


@pytest.mark.parametrize("backend", ["openai", "azure"])
def test_a_host_takes_its_own_key_alone(backend, monkeypatch):
    """Without its variable the message names it; another host's key is none of its."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    for name in ("OPENAI", "AZURE_OPENAI", "TOGETHER", "FIREWORKS"):
        monkeypatch.setenv(f"{name}_API_KEY", f"canary-{name}")
        monkeypatch.delenv(f"{name}_BASE_URL", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://shop.example.com")
    own = {"azure": "AZURE_OPENAI"}.get(backend, backend.upper())
    host = connect_host(backend, None)

    assert host._client.api_key == f"canary-{own}"
    monkeypatch.delenv(f"{own}_API_KEY")
    with pytest.raises(InvalidArgument, match=f"needs a key. Set {own}_API_KEY"):
        connect_host(backend, None)


@pytest.mark.parametrize("url", [None, "ftp://h", "http://u:canary@h/v1", "http://h/v1?key=canary"])
def test_a_url_that_cannot_be_used_is_told_without_its_key(url):
    """A server has an address; a key has a variable."""
    with pytest.raises(InvalidArgument, match=r"^--url") as caught:
        connect_host("openai-compatible", url)
    assert "canary" not in str(caught.value)


JOB = TuningJob(backend="openai", base="small", url=None, set={}, mark="0" * 12, id="ftjob-1")


@pytest.mark.parametrize(("code", "passes"), [("rate_limit_exceeded", True), ("insufficient_quota", False)])
def test_a_quota_that_is_spent_does_not_pass(code, passes):
    """A 429 is waited for, unless it says that the money is at its end."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    body = json.dumps({"error": {"message": "no", "code": code}}).encode()
    with (
        serving(lambda came: SentResponse([body], 429, headers={"Retry-After": "7"})) as server,
        pytest.raises(HostError) as caught,
    ):
        host_of(server).job(JOB)

    assert (caught.value.is_passing, caught.value.status, caught.value.retry_after_s) == (passes, 429, 7.0)


@pytest.mark.costly
def test_a_host_that_says_nothing_is_no_answer():
    """A request has an end, whoever is silent."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with (
        serving(lambda came: SentResponse(None, ending="silence")) as server,
        pytest.raises(HostError, match="OpenAI did not answer: Request timed out") as caught,
    ):
        host_of(server, timeout_s=0.3).job(JOB)

    assert (caught.value.is_passing, caught.value.status) == (True, None)


@pytest.mark.parametrize("base", ["gpt-4o-mini", "a-new-model", "gpt-4.1"])
def test_first_warning_at_openai_says_whose_jobs_it_takes(base):
    """Every base model at OpenAI has the warning first, one without known days included."""
    warnings = plan_of(base=base, today=date(2026, 11, 29)).warnings

    assert (
        "OpenAI accepts new tuning jobs only from accounts that used a tuned model within 60 days"
        in warnings[0]
    )


def test_another_host_has_no_such_warning():
    """The rule is OpenAI's."""
    assert plan_of(backend="together", base="a-new-model").warnings == []


def test_second_hand_days_of_a_host_are_marked():
    """A day that is not from the page of the host is marked."""
    lines = plan_of(base="o4-mini", today=date(2026, 9, 1)).lines

    assert any("2026-10-23 (second-hand) (https://dev.to" in line for line in lines)

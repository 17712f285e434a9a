"""What every recorder does with what it sees."""

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Usage, guard, open_store, tags
from schema_guard.ext import recorders
from schema_guard.ext.recorders import counts
from schema_guard.ext.recorders.nesting import is_same
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import Recording
from schema_guard.ext.recorders.requests import options_of
from schema_guard.values import Reply
from tests.public.commands.command_lines import run
from tests.public.test_public_names import PUBLIC_MODULES

INVOICE = {
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
    "additionalProperties": False,
}
OTHER = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
RIGHT, WRONG = '{"total": 1.5}', '{"total": "1.5"}'


class Kept(list):
    """A store that keeps what it is handed."""

    def record(self, outcome, task=None):
        self.append((outcome, task))


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def recording(kept, request):
    return Recording(request.node.name, store=kept)


def schema(recording, document=INVOICE):
    return recording.schema_of(document, "Invoice")


def counted(recording):
    return counts().get(recording.name, {})


@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_a_call_has_the_attempts_that_were_seen(valid):
    """As many attempts as were seen, each with its own tokens; all but the last failed, and the last one decides."""
    stored = Kept()
    recording = Recording("law", store=stored)
    seen = [
        AttemptView(Reply(RIGHT if one else WRONG, usage=Usage(number, number)), elapsed_s=number)
        for number, one in enumerate(valid)
    ]

    recording.record(seen, schema(recording))

    outcome, _ = stored[0]
    assert outcome.ok is valid[-1]
    assert [attempt.failure is None for attempt in outcome.attempts] == [False] * (len(valid) - 1) + [
        valid[-1]
    ]
    assert [attempt.usage.input_tokens for attempt in outcome.attempts] == list(range(len(valid)))


def test_thinking_is_a_part_of_the_configuration(recording, kept):
    """What a request says of it stands beside its other settings, in one word for all providers."""
    seen = [AttemptView(RIGHT)]
    for options in ({"temperature": 0.5, "reasoning_effort": "high"}, {"thinking": {"type": "disabled"}}, {}):
        recording.record(seen, schema(recording), options=options_of(options))

    lines = [json.loads(outcome.call.settings) for outcome, _ in kept]
    assert [(one.get("thinking"), one.get("options")) for one in lines] == [
        ("high", {"temperature": 0.5}),
        ("off", None),
        (None, None),
    ]


def test_names_of_functions_go_in_their_order(recording):
    """The block's name, the framework's, the recorder's, the schema's."""
    invoice = schema(recording)
    named = Recording("named", function="mine", store=None)

    assert recording.function_of(None, invoice) == f"{recording.name}:Invoice"
    assert named.function_of(None, invoice) == "mine"
    assert named.function_of("theirs", invoice) == "theirs"
    with tags(function="block"):
        assert named.function_of("theirs", invoice) == "block"


def test_a_guard_keeps_its_own_name(kept):
    """tags(function=) names recorded calls alone."""

    @guard(INVOICE, store=kept, name="own")
    def extract(prompt: str):
        return RIGHT

    with tags(function="block", segment="s"):
        extract("t")

    assert (kept[0][0].call.function, kept[0][0].call.segment) == ("own", "s")


def test_names_from_outside_are_bounded(recording, caplog):
    """Beyond so many names all calls are one function's, and it is said once."""
    invoice = schema(recording)

    names = {recording.function_of(f"user {number}", invoice) for number in range(600)}

    assert len(names) == 501
    assert recording.function_of("user 1", invoice) == "user 1"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_call_inside_of_a_guarded_one_is_that_one(recording, kept):
    """Of the same schema it is recorded once, also where an SDK has rewritten it; of another one it is a call inside."""
    loose = {"type": "object", "properties": {"total": {"type": "number", "title": "Total"}}}

    @guard(loose, store=kept, observe=True, name="outer")
    def extract(prompt: str):
        recording.record([AttemptView(RIGHT)], schema(recording))
        recording.record([AttemptView('{"name": "x"}')], schema(recording, OTHER))
        return RIGHT

    extract("t")

    inner, outer = (outcome.call for outcome, _ in kept)
    assert outer.function == "outer"
    assert inner.parent_call_id == outer.id
    assert counted(recording) == {"inside": 1, "recorded": 1}


def test_the_outermost_recorder_takes_a_call(recording, kept):
    """A recorder inside of another one's call leaves it to that, in threads that copy their context and in tasks too."""
    opened = recording.open(schema(recording))
    inner = Recording(f"{recording.name} inside", store=kept)

    async def record():
        return inner.record([AttemptView(RIGHT)], schema(inner))

    opened.enter()
    taken = [asyncio.run(record()), inner.record([AttemptView(RIGHT)], schema(inner))]
    opened.leave()
    after = inner.record([AttemptView(RIGHT)], schema(inner))
    opened.past([AttemptView(RIGHT)])
    opened.close()

    assert taken == [False, False]
    assert after
    assert len(kept) == 2


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["string", "number"]), min_size=1))
def test_a_rewritten_schema_is_the_same(types):
    """What is required, what is closed, and where it stands change nothing of which schema it is."""
    recording = Recording("law", store=None)
    properties = {name: {"type": kind} for name, kind in types.items()}
    one = recording.schema_of({"type": "object", "properties": properties})
    closed = {"type": "object", "properties": properties, "required": [*types], "additionalProperties": False}
    referring = {"$defs": {"T": closed}, "$ref": "#/$defs/T"}
    wider = {"type": "object", "properties": {**properties, "d": {}}}

    assert is_same(one, recording.schema_of(closed))
    assert is_same(one, recording.schema_of(referring))
    assert not is_same(one, recording.schema_of(wider))


def test_threads_have_calls_of_their_own(recording, kept):
    """Calls of several threads do not mix."""
    invoice = schema(recording)

    def call(number):
        usage = Usage(number, 0)
        attempts = [AttemptView(Reply(text, usage=usage)) for text in (WRONG, RIGHT)]
        recording.record(attempts, invoice, task=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(100)))

    assert len(kept) == 100
    assert {(task, o.attempts[0].usage.input_tokens, len(o.attempts)) for o, task in kept} == {
        (str(number), number, 2) for number in range(100)
    }


def test_a_fault_is_one_warning(recording, caplog):
    """A fault of a recorder is told once and counted each time; the caller never sees it."""
    for _ in range(3):
        with recording.safely():
            raise ValueError("of the recorder")

    assert counted(recording) == {"errors": 3}
    assert len(caplog.records) == 1


def test_an_interrupt_goes_on(recording):
    """What ends the program is no fault of a recorder."""
    with pytest.raises(KeyboardInterrupt), recording.safely():
        raise KeyboardInterrupt


def test_a_schema_that_is_none_is_counted(recording, caplog):
    """Calls under an invalid schema are not recorded: each is counted, and it is said once."""
    assert [recording.schema_of({"type": "objct"}) for _ in range(2)] == [None, None]
    assert counted(recording) == {"invalid_schema": 2}
    assert len(caplog.records) == 1


def test_a_reply_that_was_refused_is_no_valid_one(recording, kept):
    """What the framework did not take is a failure, as semantic where the schema has nothing against it."""
    recording.record(
        [AttemptView(RIGHT, ValueError("no")), AttemptView(WRONG, ValueError("no"))], schema(recording)
    )
    recording.record([AttemptView(RIGHT, ValueError("no"))], schema(recording))

    (both, _), (alone, _) = kept
    assert [attempt.failure.kind for attempt in both.attempts] == ["semantic", "structure"]
    assert (alone.ok, alone.failure.code) == (False, "refused")


def test_what_raised_is_excluded(recording, kept):
    """A provider that was not reached is transport, and counts for the model that was asked."""
    recording.record([AttemptView(exception=TimeoutError("t"), model="m")], schema(recording))

    outcome, _ = kept[0]
    assert (outcome.failure.kind, outcome.call.model, outcome.attempts[0].reply) == ("transport", "m", None)


def test_unknown_stays_unknown(recording, kept):
    """Tokens, costs and times that nobody knows are not 0."""
    recording.record([AttemptView(RIGHT)], schema(recording))

    attempt = kept[0][0].attempts[0]
    assert attempt.usage == Usage()
    assert attempt.cost is None
    assert attempt.elapsed_s != attempt.elapsed_s


def test_the_cost_is_the_frameworks(recording, kept):
    """Without prices a cost is what the framework counted, and that of a call unknown where one attempt's is."""
    recording.record([AttemptView(WRONG, cost=0.5), AttemptView(RIGHT, cost=0.25)], schema(recording))
    recording.record([AttemptView(WRONG), AttemptView(RIGHT, cost=0.25)], schema(recording))

    assert [outcome.cost for outcome, _ in kept] == [0.75, None]


def test_counts_a_recorder_that_has_seen_no_call(recording):
    """It has `no_calls` until the first call reaches it, even one that is not recorded."""
    assert counted(recording) == {"no_calls": 1}

    recording.count("without_schema")
    assert counted(recording) == {"without_schema": 1}


def test_doctor_shows_the_calls_of_each_installed_framework(tmp_path, capsys):
    """For a framework without calls in the store, it names the recorder."""
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    url = f"sqlite:///{tmp_path}/records.db"
    with open_store(url) as store:
        unused = run(capsys, "doctor", "--store", url)[1]
        recording = Recording("langchain", store=store)
        recording.record([AttemptView(RIGHT)], schema(recording))
        store.flush(10)

    assert "langchain-core recorder: no call. If your program uses langchain-core without guard" in unused
    assert "langchain-core recorder: 1 calls" in run(capsys, "doctor", "--store", url)[1]


def test_knows_the_package_of_each_recorder():
    """Every public recorder is a framework that `doctor` shows, except the one for a part of the openai package."""
    package = f"{recorders.__name__}."
    public = [name for name in PUBLIC_MODULES if name.startswith(package)]
    public.remove(f"{package}openai_decisions")

    assert [package + name for name in recorders.FRAMEWORKS] == public


def test_unknown_setting_is_an_error():
    """A recorder names the misspelled setting and the nearest one."""
    with pytest.raises(
        TypeError, match=r"recorder demo: unexpected keyword argument 'fuction'. Did you mean 'function'\?"
    ):
        Recording("demo", fuction="read")

"""Exact prompts: the first one of each text strategy, and that of a retry with its correction."""

import json

import pytest
from pydantic import BaseModel, field_validator

from schema_guard import Limits, guard
from tests.needs import needs

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
SHOWN = '{"type":"object","properties":{"total":{"type":"number"}},"required":["total"]}'
ONLY_JSON = "Reply with one JSON value that is valid for this JSON Schema, and with nothing else: no prose, no code fence.\n"
REASON = (
    "First think about the task step by step between <think> and </think>. Then reply with one JSON value that is "
    "valid for this JSON Schema, and with nothing after it.\n"
)
TURNS = 'Example:\nWhat is five?\n{"total": 5}\n\n'
ALONE = 'Example:\n{"total": 6, "unit": "ü"}'
EXAMPLES = [("What is five?", {"total": 5}), (None, {"total": 6, "unit": "ü"})]
AGAIN = "Reply again with only the JSON value."
MISSING = f"Your last reply was not valid. At (root): expected property 'total', got object. {AGAIN}"
LIMIT = "\n\nYour last reply:\n"


def sent(task, *replies, schema=TOTAL, **settings):
    """Return the prompts of a call whose attempts have these replies."""
    prompts, value = [], iter(replies)

    @guard(schema, store=None, name="ask", max_attempts=len(replies), **settings)
    def ask(prompt):
        prompts.append(prompt)
        return next(value)

    ask.outcome(task)
    return prompts


def user(text):
    return {"role": "user", "content": text}


def system(text):
    return {"role": "system", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


FORMAT = {"bare": "", "system_prompt": ONLY_JSON + SHOWN, "reason_then_format": REASON + SHOWN}


@pytest.mark.parametrize("strategy", FORMAT)
def test_prompts_of_a_text_task(strategy):
    """The format precedes a text. A retry sends the last reply and its failure."""
    first = f"{FORMAT[strategy]}\n\n5?" if FORMAT[strategy] else "5?"

    assert sent("5?", "{}", "{}", "{}", strategy=strategy) == [
        first,
        f"{first}{LIMIT}{{}}\n\n{MISSING}",
        f"{first}{LIMIT}{{}}\n\n{MISSING}",
    ]


@pytest.mark.parametrize("strategy", FORMAT)
def test_system_message_gets_the_format(strategy):
    """The format follows the text of the system message. A retry adds two turns."""
    text = f"Be brief.\n\n{FORMAT[strategy]}".strip()
    first = [system(text), user("5?")]

    assert sent([system("Be brief."), user("5?")], "{}", "{}", strategy=strategy) == [
        first,
        [*first, assistant("{}"), user(MISSING)],
    ]


@pytest.mark.parametrize("strategy", FORMAT)
def test_first_user_turn_gets_the_format_without_a_system_message(strategy):
    """Without a system message, the format precedes the text of the user's first turn."""
    text = f"{FORMAT[strategy]}\n\n5?".strip()
    task = [assistant("Hello."), user("5?"), user("6?")]
    first = [assistant("Hello."), user(text), user("6?")]

    assert sent(task, "{}", "{}", strategy=strategy) == [first, [*first, assistant("{}"), user(MISSING)]]


def test_examples_follow_the_format_in_a_text():
    """In a text, each example has its own heading."""
    (prompt,) = sent("5?", "{}", strategy="few_shot", examples=EXAMPLES)

    assert prompt == f"{ONLY_JSON}{SHOWN}\n\n{TURNS}{ALONE}\n\n5?"


def test_examples_are_turns_in_messages():
    """An example with a task becomes two turns. An example without one joins the system message."""
    (with_system,) = sent([system("Be brief."), user("5?")], "{}", strategy="few_shot", examples=EXAMPLES)
    (without,) = sent([user("5?")], "{}", strategy="few_shot", examples=EXAMPLES)

    assert with_system == [
        system(f"Be brief.\n\n{ONLY_JSON}{SHOWN}\n\n{ALONE}"),
        user("What is five?"),
        assistant('{"total": 5}'),
        user("5?"),
    ]
    assert without == [
        user(f"{ONLY_JSON}{SHOWN}\n\n{ALONE}\n\nWhat is five?"),
        assistant('{"total": 5}'),
        user("5?"),
    ]


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"$id": "https://example.com/x", "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"},
         '{"type":"string"}'),
        ({"enum": ["ü", 1.5, None]}, '{"enum":["ü",1.5,null]}'),
        (True, "true"),
        ({"title": "T", "description": "d", "default": 1}, '{"title":"T","description":"d","default":1}'),
        ({"properties": {"$id": {"type": "string"}}}, '{"properties":{"$id":{"type":"string"}}}'),
    ],
)  # fmt: skip
def test_prompt_has_the_schema_as_compact_json(schema, shown):
    """The schema has its own order of keys, but no `$schema` and `$id` at the top."""
    assert sent("t", "x", schema=schema) == [f"{ONLY_JSON}{shown}\n\nt"]


# For each failure: reply, settings, schema, and sentence of the correction.
CORRECTED = {
    "no_json": ("no", {}, TOTAL, "It held no JSON"),
    "empty": ("", {}, TOTAL, "It was empty"),
    "malformed": ("{'a'}", {}, TOTAL, "It was not well-formed JSON"),
    "duplicate_key": ('{"a":1,"a":2}', {}, TOTAL, "An object in it had the same key twice"),
    "not_finite": (
        '{"a":NaN}', {}, TOTAL, "It held a number that JSON does not have, such as NaN or Infinity",
    ),
    "bad_unicode": ('{"a":"\\ud800"}', {}, TOTAL, "It held text that is not valid Unicode"),
    "several_documents": ("{}{}", {}, TOTAL, "It held more than one JSON value"),
    "too_large": ("[12345]", {"limits": Limits(max_bytes=4)}, True, "It was too long"),
    "too_deep": ("[[[1]]]", {"limits": Limits(max_depth=2)}, True, "It was nested too deep"),
    "too_many_nodes": ("[1,1,1]", {"limits": Limits(max_nodes=3)}, True, "It held too many values"),
    "number_too_long": ("[12345]", {"limits": Limits(max_number_chars=4)}, True, "A number in it was too long"),
    "type": ('{"total":"x"}', {}, TOTAL, "At /total: expected number, got string"),
    "encoded_value": (
        '{"a":"[1]"}', {}, {"properties": {"a": {"type": "array"}}},
        "An object or array was sent as a JSON string. At /a: expected array, got string",
    ),
    "extra": (
        '{"secret":1}', {}, {"properties": {"a": {}}, "additionalProperties": False},
        "At (root): expected no further properties, got object",
    ),
    "made_up_key": (
        '{"secret":{"n":"x"}}', {},
        {"additionalProperties": {"properties": {"n": {"type": "integer"}}}},
        "At /*/n: expected integer, got string",
    ),
    "items": ('["x",1,"y"]', {}, {"items": {"type": "integer"}},
              "At /0: expected integer, got string. At /2: expected integer, got string"),
    "enum": ('"c"', {}, {"enum": ["a", "b"]}, "At (root): expected one of 'a', 'b', got string"),
}  # fmt: skip


@pytest.mark.parametrize("code", CORRECTED)
def test_correction_describes_the_failure(code):
    """Each failure has its own sentence, which quotes no value and no key of the reply."""
    reply, settings, schema, sentence = CORRECTED[code]
    _, second = sent("t", reply, reply, schema=schema, strategy="bare", **settings)

    shown = f"{LIMIT}{reply}" if reply else ""
    assert second == f"t{shown}\n\nYour last reply was not valid. {sentence}. {AGAIN}"


def test_correction_quotes_a_check():
    """A retry sends the message of a check, with the name of the check."""

    def is_even(value):
        return None if value["total"] % 2 == 0 else f"{value['total']} is odd"

    _, second = sent("t", '{"total":3}', '{"total":4}', strategy="bare", checks=[is_even])

    assert second.endswith(
        f"Your last reply was not valid. The check 'is_even' refused it: 3 is odd. {AGAIN}"
    )


class Bill(BaseModel):
    """A bill with two validators."""

    total: int
    tax: int

    @field_validator("total", "tax")
    @classmethod
    def even(cls, value):
        if value % 2:
            raise ValueError("must be even")
        return value

    @field_validator("tax")
    @classmethod
    def small(cls, value):
        if value > 9:
            raise ValueError("must be small")
        return value


@pytest.mark.parametrize(
    ("reply", "messages"),
    [
        ('{"total":3,"tax":1}', "Value error, must be even"),
        ('{"total":3,"tax":12}', "Value error, must be even; Value error, must be small"),
    ],
)
def test_correction_quotes_equal_messages_once(reply, messages):
    """A retry sends each message of the validators once, without its place."""
    _, second = sent("t", reply, '{"total":2,"tax":2}', schema=Bill, strategy="bare")

    assert second.endswith(
        f"Your last reply was not valid. The check 'pydantic' refused it: {messages}. {AGAIN}"
    )


@needs("streaming")
def test_correction_reports_an_early_stop():
    """The correction of a reply that was stopped early reports that the rest was not read."""
    prompts, value = [], iter([['{"total":"x', '","more":1}'], ['{"total":1}']])

    @guard(TOTAL, store=None, strategy="bare", early_stop=True)
    def ask(prompt):
        prompts.append(prompt)
        yield from next(value)

    ask("t")

    assert prompts[1] == (
        't\n\nYour last reply:\n{"total":"x\n\nYour last reply was not valid. At /total: expected number, got string. '
        f"It was stopped there: the rest was not looked at. {AGAIN}"
    )


def test_correction_lists_ten_places():
    """The correction lists ten places, and the number of the others."""
    reply = json.dumps(["x"] * 12)
    _, second = sent("t", reply, "[]", schema={"items": {"type": "integer"}}, strategy="bare")

    places = ". ".join(f"At /{n}: expected integer, got string" for n in range(10))
    assert second.endswith(f"Your last reply was not valid. {places}. And 2 more. {AGAIN}")


def test_correction_lists_all_of_ten_places():
    """For exactly ten places, the correction has no number of others."""
    reply = json.dumps(["x"] * 10)
    _, second = sent("t", reply, "[]", schema={"items": {"type": "integer"}}, strategy="bare")

    assert second.endswith(f"At /9: expected integer, got string. {AGAIN}")


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("x" * 1_100, "x" * 1_100),
        ("x" * 1_101, f"{'x' * 800}\n[...]\n{'x' * 300}"),
        ("a" * 800 + "b" * 900 + "c" * 300, f"{'a' * 800}\n[...]\n{'c' * 300}"),
        ("ü" * 550, "ü" * 550),
        ("ü" * 551, f"{'ü' * 400}\n[...]\n{'ü' * 150}"),
        ("x" + "ü" * 560, f"x{'ü' * 399}\n[...]\n{'ü' * 150}"),
        (" \n no \n", "no"),
    ],
    ids=["at the limit", "above it", "parts", "bytes at the limit", "bytes above it", "half a character", "space"],
)  # fmt: skip
def test_long_reply_is_cut_in_the_middle(reply, shown):
    """A retry sends the first 800 and the last 300 bytes of a long reply."""
    _, second = sent("t", reply, "{}", strategy="bare")

    assert second.startswith(f"t{LIMIT}{shown}\n\nYour last reply was not valid.")


def test_long_correction_is_cut():
    """A correction has at most 700 bytes before its last sentence."""
    schema = {"enum": ["x" * 70 + str(n) for n in range(5)], "items": {"const": "y" * 79}}
    _, second = sent("t", json.dumps(["n"] * 12), "[]", schema=schema, strategy="bare")

    correction = second.partition("Your last reply was not valid. ")[2].removesuffix(f". {AGAIN}")
    assert (len(correction.encode()), correction[-1]) == (703, "…")


def test_prompt_does_not_grow_with_attempts():
    """Every retry sends the first prompt and only the last reply."""
    prompts = sent("t", "one", "two", "three", strategy="bare")

    assert [prompt.count("Your last reply:") for prompt in prompts] == [0, 1, 1]
    assert "one" in prompts[1]
    assert "two" in prompts[2]
    assert "one" not in prompts[2]


def test_each_step_of_an_escalation_has_its_own_format():
    """The format of the next strategy replaces the one before. After the last strategy, its format stays."""
    prompts = sent("t", "{}", "{}", "{}", strategy=["bare", "system_prompt"])

    assert [prompt.partition("\n\nYour last reply:")[0] for prompt in prompts] == [
        "t",
        f"{ONLY_JSON}{SHOWN}\n\nt",
        f"{ONLY_JSON}{SHOWN}\n\nt",
    ]


def test_instructions_get_format_and_correction():
    """A parameter `instructions` gets the format, and the correction in a retry. The task is unchanged."""
    seen, value = [], iter(["{}", '{"total": 1}'])

    @guard(TOTAL, store=None)
    def ask(prompt: str, instructions: str = ""):
        seen.append((prompt, instructions))
        return next(value)

    ask("5?")

    assert seen == [("5?", ONLY_JSON + SHOWN), ("5?", f"{ONLY_JSON}{SHOWN}\n\n{MISSING}")]


def test_instructions_do_not_quote_a_check():
    """The message of a check may quote the reply, so it never reaches the system role."""
    seen, shown = [], iter(['{"total": 3}', '{"total": 4}'])

    def is_even(value):
        return "secret" if value["total"] % 2 else None

    @guard(TOTAL, store=None, strategy="bare", checks=[is_even])
    def ask(prompt: str, instructions: str = ""):
        seen.append(instructions)
        return next(shown)

    ask("5?")

    assert seen == ["", f"Your last reply was not valid. The check 'is_even' refused it. {AGAIN}"]


def test_feedback_gets_only_the_correction():
    """A parameter `feedback` gets the correction. The prompt stays the first one."""
    seen, value = [], iter(["{}", '{"total": 1}'])

    @guard(TOTAL, store=None, strategy="bare")
    def ask(prompt: str, feedback: str | None = None):
        seen.append((prompt, feedback))
        return next(value)

    ask("5?")

    assert seen == [("5?", None), ("5?", MISSING)]

"""Facts about lists of messages in a guarded call: for every dialect and every strategy."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import guard, open_store
from tests.needs import is_installed
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE, both, run
from tests.public.calls.message_lists import LISTS

EXAMPLES = [("What is nothing?", {"total": 0}), (None, {"total": 1})]


STRATEGIES = [
    "bare", "system_prompt", "few_shot", "reason_then_format",
    *(("json_mode", "tool_call", "strict_schema") if is_installed("fitting") else ()),
]  # fmt: skip


def stands_in(elements: list[Any], sent: list[Any]) -> bool:
    """Return whether the request contains the same objects, in their order."""
    ahead = iter(sent)
    return all(any(one is element for one in ahead) for element in elements)


@pytest.mark.parametrize("name", LISTS)
@given(strategy=st.sampled_from(STRATEGIES), data=st.data())
def test_the_callers_elements_go_on(name, strategy, data):
    """The elements are sent as they are, but for the one turn that the format joins; a retry adds two turns."""
    elements = data.draw(LISTS[name][1])
    before, sent = copy.deepcopy(elements), []
    provider = {"provider": "openai"} if strategy in STRATEGIES[4:] else {}

    @guard(TOTAL, strategy=strategy, examples=EXAMPLES, max_attempts=2, store=None, **provider)
    def ask(messages: list[Any], options: dict[str, Any] | None = None):
        sent.append(messages)
        return BAD if len(sent) == 1 else GOOD

    assert ask(elements) == VALUE

    first, second = sent
    assert elements == before
    assert elements is not first
    joined = [] if strategy == "bare" else [elements[:at] + elements[at + 1 :] for at in range(len(elements))]
    assert any(stands_in(stored, first) for stored in [elements, *joined])
    assert second[: len(first)] == first
    assert len(second) == len(first) + 2


TURNS = {
    "chat": [{"role": "user", "content": "t"}],
    "gemini": [{"role": "user", "parts": [{"text": "t"}]}],
    "responses": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t"}]}],
}


@both
@pytest.mark.parametrize("name", TURNS)
def test_every_shape_of_function_is_given_the_same(name, make):
    """A plain, an asynchronous and a streaming function are sent the same lists, and the attempts say what was sent."""
    sent: list[list[Any]] = []

    def give(prompt):
        sent.append(list(prompt))
        return BAD if len(sent) == 1 else GOOD

    assert run(make(give, {"store": None}), TURNS[name]) == VALUE

    assert [len(prompt) for prompt in sent] == [1, 3]
    assert sent[1][:1] == sent[0]


@given(data=st.data())
@pytest.mark.parametrize("name", LISTS)
def test_a_call_with_any_list_is_recorded(name, data):
    """Whatever objects a list holds, its calls are recorded, equal lists as equal inputs."""
    elements = data.draw(LISTS[name][1])
    with open_store("sqlite://") as store:

        @guard(TOTAL, store=store)
        def ask(messages: list[Any]):
            return GOOD

        ask(elements)
        ask(copy.deepcopy(elements))
        hashes = {row["input_hash"] for row in store.attempts()}

    assert len(hashes) == 1

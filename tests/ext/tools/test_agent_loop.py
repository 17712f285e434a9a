"""An agent of five tools whose model errs: each fault is found under its tool, and the messages heal the loop.

The model is a script that reads what it is told: it corrects a call only where the message says what is wrong with it.
"""

import json
from collections import Counter

import pytest

from schema_guard import guard_tools, judge_calls
from schema_guard.ext.tools.forms import continuation
from tests.public.ext.calls.tools.replies import anthropic, chat, gemini, responses
from tests.public.ext.calls.tools.shop import FIVE, Kept

RIGHT = {
    "search_orders": {"customer": "C-1", "where": {"status": "open"}},
    "Refund": {"order": 7, "reason": "late"},
    "send_mail": {"to": "a", "subject": "b", "body": "c"},
    "track_parcel": {"parcel": "A-7"},
    "check_stock": {"sku": "desk"},
}
# A fault: the name and the arguments that are written, and what a message has to say to have it repaired.
FAULTS = {
    "unknown_tool": (lambda name, given: (f"functions.{name}", given), "Did you mean {name}?"),
    "required": (
        lambda name, given: (name, {key: given[key] for key in list(given)[1:]}),
        "expected property '{first}'",
    ),
    "encoded_value": (
        lambda name, given: (name, {**given, "where": json.dumps(given.get("where"))}),
        "sent as a JSON string",
    ),
    "max_tokens": (lambda name, given: (name, {}), "cut off"),
}
# Turns of a conversation: the tools that are called at once, and the fault of each.
TURNS = [
    [("search_orders", "encoded_value")],
    [("track_parcel", None), ("track_parcel", "required"), ("check_stock", "unknown_tool")],
    [("check_stock", "required")],
    [("Refund", "unknown_tool"), ("send_mail", None)],
    [("send_mail", None), ("Refund", "max_tokens")],
    [("Refund", None)],
]


class Model:
    """A model that errs as it is planned, and corrects what it is told."""

    def __init__(self, made, turns):
        self.made, self.turns, self.asked = made, turns, 0
        self.left = []

    def __call__(self, messages):
        self.asked += 1
        text = str(messages[-3:])
        if "was not run" in text:
            for at, (name, fault) in enumerate(self.left):
                if fault is not None and self.says(text, name, fault):
                    self.left[at] = (name, None)
        elif self.turns:
            self.left = list(self.turns.pop(0))
        else:
            return self.made(text="Done.", finish="stop")
        calls = [self.written(at, *one) for at, one in enumerate(self.left)]
        is_cut = self.left[-1][1] == "max_tokens"
        return self.made(*calls, finish="length" if is_cut else "tool_call")

    def says(self, text, name, fault):
        words = FAULTS[fault][1].format(name=name, first=next(iter(RIGHT[name])))
        return words in text or words in text.replace("\\'", "'")

    def written(self, at, name, fault):
        value = RIGHT[name]
        name, value = (name, value) if fault is None else FAULTS[fault][0](name, value)
        return f"call_{self.asked}_{at}", name, value


@pytest.mark.parametrize("made", [chat, responses, anthropic, gemini])
def test_the_messages_heal_the_loop(made):
    """Eight conversations, every other one with faults: all of them end, every call that is run is valid, each fault is
    recorded once under its tool, and the rate of each tool is what was planted.
    """
    stored, ran = Kept(), []
    planted: Counter[tuple[str, str | None]] = Counter()
    for number in range(8):
        turns = [[(name, fault if number % 2 else None) for name, fault in turn] for turn in TURNS]
        for name, fault in [one for turn in turns for one in turn]:
            planted[f"functions.{name}" if fault == "unknown_tool" else name, fault] += 1
        turn = guard_tools(FIVE, max_attempts=2, name="agent", version="1", store=stored)(Model(made, turns))
        messages = [{"role": "user", "content": "Help."}]
        while judgements := judge_calls(reply := turn(messages), FIVE):
            ran += judgements
            done = [one._replace(message="done") for one in judgements]
            messages = continuation(messages, reply, done)

    assert all(one.ok for one in ran)
    assert len(ran) == 8 * 10
    assert all(one.ok for one in stored.outcomes)
    first = [(one.call.schema_name, one.attempts[0].failure) for one in stored.outcomes]
    assert Counter((name, failure and failure.code) for name, failure in first) == planted

"""CPU time of long streams whose JSON comes late or never."""

import time

import pytest

from schema_guard import GuardFailed, guard

SIZE = 7_500_000
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
JSON = '{"a": 1}'


def filled(part, size=SIZE):
    return part * (size // len(part))


REPLIES = {
    "closed thoughts": filled("<think></think>") + JSON,
    "closed thoughts without JSON": filled("<think></think>"),
    "closed thoughts of another mark": filled("[THINK][/THINK]") + JSON,
    "an open thought": "<think>" + filled("word "),
    "marks that almost close": "<think>" + filled("</thin"),
    "nested marks": filled("<think>", SIZE // 2) + filled("</think>", SIZE // 2) + JSON,
    "closing marks": filled("</think>") + JSON,
    "closing marks of others": filled("<think></thinking>") + JSON,
    "thoughts and prose": filled("<think>x</think>", SIZE // 2) + "So " + filled("word ", SIZE // 2) + JSON,
    "prose": filled("word ") + JSON,
    "prose with marks that begin": filled("</") + JSON,
    "fences": filled("```json\n") + JSON,
    "a label without an end": "```" + filled('a="x" '),
    "white space": filled(" \n") + JSON,
    "brackets in prose": "So " + filled("{"),
    "pairs of brackets in prose": "So " + filled("{x} "),
    "quotes in prose": "So {" + filled('"'),
    "items": '{"b": [' + filled("1,"),
    "objects": '{"b": [' + filled('{"c":1},'),
}
SETTINGS = {
    "whole values": ({}, {}),
    "partial values": ({}, {"partial": True}),
    "early stop": ({"early_stop": True}, {}),
}


@pytest.mark.costly
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("name", "width"), [*((name, 20) for name in REPLIES), ("closed thoughts", 1_000)])
def test_long_stream_takes_less_than_two_seconds(name, width, setting):
    """A stream of 7.5 MB takes at most 2 s of CPU, with anything before the JSON."""
    text, (settings, how) = REPLIES[name], SETTINGS[setting]

    @guard(SCHEMA, store=None, max_attempts=1, **settings)
    def ask(prompt):
        for at in range(0, len(text), width):
            yield text[at : at + width]

    before = time.process_time()
    try:
        values = list(ask.stream("t", **how))
    except GuardFailed:
        values = []
    spent_s = time.process_time() - before

    assert spent_s < 2
    assert bool(values) is text.endswith(JSON)

"""What the tests of all recorders share: a server with known failures, and a store that keeps what it is handed."""

import time

from pydantic import BaseModel

from schema_guard.testing import ScriptedModel, serve

MODEL = "model-x"


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: float


RIGHT = '{"number": "A-7", "total": 12.5}'
WRONG = '{"number": "A-7", "total": "twelve"}'
PROSE = "There is no invoice here."
CUT = {"text": '{"number": "A-7"', "finish_reason": "length"}

# Three of six are right: what each call is worth is known before any is made.
REPLIES = [RIGHT, WRONG, RIGHT, PROSE, RIGHT, CUT]
TRUTH = [None, "structure", None, "syntax", None, "truncation"]
INPUT, OUTPUT = 12, 7


class Kept(list):
    """A store that keeps what it is handed."""

    def record(self, outcome, task=None):
        self.append(outcome)

    def wait(self, many):
        """Wait until so many calls are recorded: some frameworks tell of them in a thread of their own."""
        until = time.monotonic() + 10
        while len(self) < many and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self) == many
        self.sort(key=lambda outcome: outcome.call.started_at)
        return self


def scripted(replies):
    """Give a server that answers so, each with the same tokens."""
    lines = []
    for reply in replies:
        one = {"text": reply} if isinstance(reply, str) else reply
        text = one["text"]
        chunks = [text[at : at + 5] for at in range(0, len(text), 5)]
        finish = one.get("finish_reason", "stop")
        lines.append(
            {
                "chunks": chunks,
                "finish_reason": finish,
                "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT},
            }
        )
    return ScriptedModel(lines)


def server(replies=REPLIES, **faults):
    """Start a server with a script of replies."""
    return serve(scripted(replies), **faults)


def kinds(outcomes):
    """Give what came of each call: None for a valid value, else the kind of its failure."""
    return [None if one.ok else one.failure.kind for one in outcomes]


def tokens(outcomes):
    """Give the input and output tokens of each attempt."""
    return [(a.usage.input_tokens, a.usage.output_tokens) for one in outcomes for a in one.attempts]

"""What the tests of recorders share whose frameworks ask again: an invoice, replies with tokens, a store that keeps."""

from typing import Literal

from pydantic import BaseModel

GOOD = '{"number": "A-7", "currency": "EUR", "total": 12.5}'
WRONG = GOOD.replace("EUR", "GBP")


class Invoice(BaseModel):
    """An invoice."""

    number: str
    currency: Literal["EUR", "USD"]
    total: float


class Kept(list):
    """A store that keeps what it is handed, in the order in which that comes."""

    def record(self, outcome, task=None):
        self.append(outcome)


def said(text, input_tokens=12, output_tokens=7, **more):
    """Give a reply with its tokens, as the server takes it."""
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "cached_input_tokens": 0}
    return {"reply": text, "usage": usage, **more}


def tokens(outcome):
    """Give the input and output tokens of each attempt."""
    return [attempt.usage[:2] for attempt in outcome.attempts]


def codes(outcome):
    """Give the code of each attempt's failure, None for a valid one."""
    return [attempt.failure and attempt.failure.code for attempt in outcome.attempts]

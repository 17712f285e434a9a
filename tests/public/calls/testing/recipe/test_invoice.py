"""Example: the tests of a function that asks a model for JSON, without a key and without network."""

from typing import TypedDict

import openai
import pytest

from schema_guard import GuardFailed, guard
from schema_guard.testing import assert_failure_rate
from tests.needs import needs


class Invoice(TypedDict):
    number: str
    total: float


GOOD = '{"number": "A-1", "total": 12.5}'
LETTERS = [f"Invoice A-{number}: {number}.50 EUR" for number in range(40)]


def extractor(model):
    """The function under test; in a real project it is imported."""

    @guard(Invoice, max_attempts=2)
    def extract(prompt: str):
        return model(prompt)

    return extract


def test_a_wrong_reply_is_asked_again(scripted_model, guard_store):
    """A script says what the model does, and the store what became of it."""
    extract = extractor(scripted_model(['{"number": 7}', GOOD]))

    assert extract(LETTERS[1]) == {"number": "A-1", "total": 12.5}
    assert [attempt["kind"] for attempt in guard_store.attempts()] == ["structure", None]


@needs("loopback")
def test_the_client_survives_a_server_that_fails(llm_server):
    """The provider's own client talks to a server on loopback that has the provider's faults."""
    server = llm_server([GOOD], faults=["http_500"])
    with openai.OpenAI(base_url=server.openai_url, api_key="none", max_retries=1) as client:

        @guard(Invoice)
        def extract(prompt):
            return client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])

        assert extract(LETTERS[1])["number"] == "A-1"


def test_first_replies_are_good_enough(scripted_model):
    """The function is called for one letter after another, until the rate is known."""
    measured = assert_failure_rate(extractor(scripted_model([GOOD], cycle=True)), LETTERS, max=0.1)

    assert measured.inputs <= len(LETTERS)


def test_nonsense_is_refused(scripted_model):
    """A call without a valid reply raises, and says why."""
    extract = extractor(scripted_model(["no idea"], cycle=True))

    with pytest.raises(GuardFailed, match="extract returned no valid reply in 2 attempts"):
        extract("Dear Sir")

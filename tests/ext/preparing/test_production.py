"""Facts about functions as they run in production: they parse by themselves, and observing them says what happened.

Each of them fails a known half of its calls, by an exception that its callers see unchanged.
"""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel, ValidationError

from schema_guard import guard, open_store
from schema_guard.cli import main
from schema_guard.testing import ScriptedModel, serve

CALLS = 300


class Invoice(BaseModel):
    """An invoice."""

    vendor: str
    total: float


GOOD = '{"vendor": "A", "total": 3}'
WRONG = '{"vendor": "A", "total": "three"}'
NO_JSON = "Total: three"


def parse_chat(server, store, observed):
    client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)

    @observed
    def extract(prompt: str) -> Any:
        messages: Any = [{"role": "user", "content": prompt}]
        completion = client.chat.completions.parse(model="m", messages=messages, response_format=Invoice)
        return completion.choices[0].message.parsed

    return extract


def parse_response(server, store, observed):
    client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)

    @observed
    def extract(prompt: str) -> Any:
        return client.responses.parse(model="m", input=prompt, text_format=Invoice).output_parsed

    return extract


def parse_message(server, store, observed):
    client = anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0)

    @observed
    def extract(prompt: str) -> Any:
        messages: Any = [{"role": "user", "content": prompt}]
        return client.messages.parse(
            model="m", max_tokens=99, messages=messages, output_format=Invoice
        ).parsed_output

    return extract


def load_json(server, store, observed):
    client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)

    @observed
    def extract(prompt: str) -> Any:
        messages: Any = [{"role": "user", "content": prompt}]
        completion = client.chat.completions.create(model="m", messages=messages)
        return Invoice(**json.loads(completion.choices[0].message.content or ""))

    return extract


FUNCTIONS = [
    pytest.param(parse_chat, WRONG, ValidationError, ("structure", "type"), marks=pytest.mark.slow),
    (parse_response, NO_JSON, ValidationError, ("syntax", "no_json")),
    pytest.param(parse_message, WRONG, ValidationError, ("structure", "type"), marks=pytest.mark.slow),
    pytest.param(load_json, NO_JSON, json.JSONDecodeError, ("syntax", "no_json"), marks=pytest.mark.costly),
]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("make", "bad", "error", "code"), FUNCTIONS, ids=lambda part: getattr(part, "__name__", "")
)
def test_a_function_that_parses_and_fails_half_of_its_calls_is_seen_to_fail_half(
    make, bad, error, code, tmp_path, capsys
):
    """150 of 300 calls raise what they raised before; `watch` and `report` say 50 %, and the tokens of those are known too."""
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    raised = 0
    with open_store(url) as store, serve(ScriptedModel([GOOD, bad], cycle=True)) as server:
        extract = make(server, store, guard(Invoice, observe=True, store=store, name="extract"))
        for number in range(CALLS):
            try:
                assert extract(f"invoice {number}") == Invoice(vendor="A", total=3)
            except error:
                raised += 1
        store.flush()
        attempts = list(store.attempts())

    assert raised == CALLS / 2
    assert {(row["kind"], row["code"]) for row in attempts} == {(None, None), code}
    failed = [row for row in attempts if row["kind"] is not None]
    assert all(row["input_tokens"] and row["finish_reason"] for row in failed)
    status = main(["watch", "--max-failure-rate", "0.1", "--store", url, "--format", "json"])
    [seen] = json.loads(capsys.readouterr().out)["watched"]
    assert (status, seen["n"], seen["k"], seen["rate"]) == (1, CALLS, CALLS / 2, 0.5)
    main(["report", "--store", url])
    assert "150" in capsys.readouterr().out

"""Stories of calls that a tracing tool has recorded, with calls that never ended."""

import json
from datetime import UTC, datetime
from random import Random

import pytest

from tests.needs import needs
from tests.public.clock import START
from tests.public.decide.production import ENUM, GOOD, TICKET

pytestmark = needs("traces")


def langfuse(number, reply):
    """Return a row of an export of Langfuse. A call without a reply has no end."""
    at = datetime.fromtimestamp(START - 86_400.0 + 20.0 * number, UTC)
    ended = {} if reply is None else {
        "endTime": datetime.fromtimestamp(START - 86_399.0 + 20.0 * number, UTC).isoformat(),
        "output": {"role": "assistant", "content": reply},
    }  # fmt: skip
    return {
        "id": f"o{number}", "traceId": f"t{number}", "traceName": "shop.extract", "type": "GENERATION", "name": "chat",
        "model": "gpt-4o-mini", "startTime": at.isoformat(), "input": f"Ticket {number}", "level": "DEFAULT", **ended,
    }  # fmt: skip


def phoenix(number, reply):
    """Return a row of an export of Phoenix. A call without a reply has no end and no status."""
    at = datetime.fromtimestamp(START - 86_400.0 + 20.0 * number, UTC)
    ended = {"status_code": "UNSET", "end_time": None} if reply is None else {
        "status_code": "OK", "end_time": at.isoformat(),
        "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": reply}],
    }  # fmt: skip
    return {
        "name": "shop.extract", "span_kind": "LLM", "parent_id": None, "context.span_id": f"s{number}", "context.trace_id": f"t{number}",
        "start_time": at.isoformat(), "attributes.llm.model_name": "gpt-4o-mini",
        "attributes.input.value": f"Ticket {number}", **ended,
    }  # fmt: skip


def read(production, tool, replies):
    """Import an export. A reply that is None is a call that never ended."""
    file, schema = production.folder / "export.jsonl", production.folder / "ticket.json"
    schema.write_text(json.dumps(TICKET))
    row = {"langfuse": langfuse, "phoenix": phoenix}[tool]
    file.write_text("".join(json.dumps(row(*one)) + "\n" for one in enumerate(replies)))
    status, out, err = production.run(
        "store",
        "import",
        file,
        "--from",
        tool,
        "--schema",
        schema,
        "--traffic",
        "all",
        "--function",
        "shop.extract",
    )
    assert status == 0, err
    return out


@pytest.mark.parametrize("tool", ["langfuse", "phoenix"])
def test_unfinished_calls_do_not_hide_a_rate_that_is_proved_too_high(production, tool):
    """Eight percent of 1,000 calls fail, and the last 60 calls never ended."""
    read(production, tool, [*([ENUM, *[GOOD] * 11] * 80), *[None] * 60])

    result = production.verdict()

    assert (result.verdict, result.exit_code) == ("USE_CONSTRAINED_DECODING", 1)
    assert "first find out why" not in result.head
    assert production.run("watch", "--max-failure-rate", "1%")[1].startswith(
        "BREACH: shop.extract (schema ticket)"
    )
    assert [breach["what"] for breach in result.figures["breach"]] == ["format", "excluded"]
    assert "60 of 1,020 calls gave no reply (cause unknown)" in result.head


@pytest.mark.parametrize("seed", range(2))
def test_unfinished_calls_among_failures_do_not_hide_them(production, seed):
    """Calls fail and never end by chance, all over the export."""
    chance = Random(seed)
    replies = chance.choices([GOOD, ENUM, None], [0.86, 0.08, 0.06], k=1_000)
    read(production, "langfuse", replies)

    result = production.verdict()

    assert (result.verdict, result.exit_code) == ("USE_CONSTRAINED_DECODING", 1)
    assert "fails at /team (enum)" in result.head


def test_unfinished_calls_come_first_without_a_proved_rate(production):
    """No call that ended fails. Nobody knows whether the model failed in the 60 that never ended."""
    read(production, "langfuse", [*[GOOD] * 1_000, *[None] * 60])

    result = production.verdict()

    assert (result.verdict, result.exit_code) == ("NEED_MORE_DATA", 1)
    assert "first find out why these calls have no reply" in result.head
    assert "check in langfuse whether the model failed in these calls" in result.head
    assert production.run("watch", "--max-failure-rate", "1%")[1].startswith("UNKNOWN: 60 of 1,060 calls")

"""A run through a provider's batch files: written, answered out of order, read back, written again."""

import json
import urllib.request

import pytest

from schema_guard import testing
from schema_guard.bench.run.batch import (
    MOST_REQUESTS,
    batch_model,
    batch_requests,
    read_replies,
    write_requests,
)
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import run
from schema_guard.errors import InvalidArgument
from tests.bench.run.test_runner import some_fail
from tests.bench.small_suites import Counting, number_asked, small_suite
from tests.needs import needs

pytest.importorskip("openai", reason="needs the extra 'openai'")


@pytest.fixture
def plan():
    return plan_of(small_suite(tasks=3), variants_of(["gpt-x"], ["bare", "few_shot"]), PlanSettings())


@pytest.fixture
def models():
    return {"gpt-x": batch_model("openai:gpt-x")}


@pytest.fixture
def journal(tmp_path, plan):
    with Journal.begin(tmp_path / "journal", plan) as opened:
        yield opened


def answer(request, wrong=some_fail):
    """What the provider writes for a request."""
    number, behind = number_asked(request["body"]["messages"])
    text = wrong(number, behind > 0)
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text or json.dumps({"n": number})},
    }
    body = {
        "id": "c",
        "object": "chat.completion",
        "choices": [choice],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2},
    }
    return {
        "id": "b",
        "custom_id": request["custom_id"],
        "response": {"status_code": 200, "body": body},
        "error": None,
    }


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@needs("fitting")
def test_request_is_what_the_client_would_send(models):
    """A request has the endpoint and the body of the call: model, messages, output limit, response format."""
    plan = plan_of(small_suite(tasks=3), variants_of(["gpt-x"], ["bare", "strict_schema"]), PlanSettings())
    requests = batch_requests(plan, models)
    strict = [request for request in requests if "response_format" in request["body"]]

    assert len(requests) == 12
    assert len(strict) == 6
    assert len({request["custom_id"] for request in requests}) == 12
    assert {(r["method"], r["url"], r["body"]["model"]) for r in requests} == {
        ("POST", "/v1/chat/completions", "gpt-x")
    }
    assert strict[0]["body"]["response_format"]["json_schema"]["strict"] is True


def test_rounds_end_with_the_result_of_a_direct_run(tmp_path, plan, models, journal):
    """Attempt after attempt is written and read until nothing is left: the same format, content and tokens."""
    sizes = []
    while requests := batch_requests(plan, models, journal):
        sizes.append(len(requests))
        read_replies(written(tmp_path / "replies", map(answer, reversed(requests))), plan, models, journal)
    model = Counting()
    model.is_timed = False
    batched = run(plan, {"gpt-x": model}, journal=journal)

    assert sizes == [12, 8]
    assert model.heard == []
    assert batched.scored == run(plan, {"gpt-x": Counting(some_fail)}).scored


@needs("fitting", "loopback")
@pytest.mark.parametrize("kind", ["openai", "openai-responses"])
def test_bodies_are_taken_by_the_providers_api(tmp_path, kind):
    """Sent to a server of the provider's wire format, request by request, they are answered, and the answers are read."""
    plan = plan_of(small_suite(tasks=3), variants_of(["gpt-x"], ["bare", "strict_schema"]))
    models = {"gpt-x": batch_model(f"{kind}:gpt-x")}

    def reply(text):
        return json.dumps({"n": int(text.split("Give n.")[1].split()[1])})

    rows = []
    with testing.serve(reply) as server:
        for request in batch_requests(plan, models):
            sent = urllib.request.Request(  # noqa: S310 - loopback
                server.url + request["url"],
                json.dumps(request["body"]).encode(),
                {"content-type": "application/json"},
                method=request["method"],
            )
            with urllib.request.urlopen(sent) as answered:  # noqa: S310 - loopback
                response = {"status_code": answered.status, "body": json.load(answered)}
            rows.append({"custom_id": request["custom_id"], "response": response, "error": None})
    with Journal.begin(tmp_path / "j", plan) as journal:
        read_replies(written(tmp_path / "replies", rows), plan, models, journal)
        finished = run(plan, {"gpt-x": models["gpt-x"]}, journal=journal)

    assert {(s.format, s.content.exact) for s in finished.scored} == {("clean", True)}
    assert all(s.input_tokens for s in finished.scored)


def test_replies_are_taken_once(tmp_path, plan, models, journal):
    """Reading a file twice keeps its replies once; lines of other runs are counted and left."""
    replies = [
        *map(answer, batch_requests(plan, models)),
        {"custom_id": "other-1-1", "response": None, "error": None},
    ]
    file = written(tmp_path / "replies", replies)

    first, second = (read_replies(file, plan, models, journal) for _ in range(2))
    assert (first.stored, first.already_stored, first.strange) == (12, 0, 1)
    assert (second.stored, second.already_stored, second.strange) == (0, 12, 1)


def test_what_the_provider_did_not_answer_is_written_again(tmp_path, plan, models, journal):
    """Errors are told with their line and words, and their requests stay."""
    first, second, *_ = batch_requests(plan, models)
    rows = [
        {
            "custom_id": first["custom_id"],
            "response": None,
            "error": {"code": "batch_expired", "message": "late"},
        },
        {
            "custom_id": second["custom_id"],
            "response": {"status_code": 429, "body": {"error": "busy"}},
            "error": None,
        },
    ]
    result = read_replies(written(tmp_path / "errors", rows), plan, models, journal)

    assert result.stored == 0
    assert ["batch_expired" in result.failed[0], "busy" in result.failed[1]] == [True, True]
    assert result.failed[0].startswith(f"{tmp_path}/errors, line 1: ")
    assert [r["custom_id"] for r in batch_requests(plan, models, journal)][:2] == [
        first["custom_id"],
        second["custom_id"],
    ]


def test_journal_of_a_batch_is_kept(tmp_path, plan, models):
    """What was read is there in the next process."""
    path = tmp_path / "j"
    with Journal.begin(path, plan) as journal:
        file = written(tmp_path / "replies", map(answer, batch_requests(plan, models)))
        read_replies(file, plan, models, journal)
    with Journal.resume(path, plan) as journal:
        assert len(batch_requests(plan, models, journal)) == 8


def test_responses_api_has_its_own_endpoint():
    """`openai-responses` writes requests of the Responses API."""
    plan = plan_of(small_suite(tasks=1), variants_of(["gpt-x"], ["bare"]))
    request = batch_requests(plan, {"gpt-x": batch_model("openai-responses:gpt-x")})[0]

    assert request["url"] == "/v1/responses"
    assert "input" in request["body"]


def test_large_batches_are_written_in_parts(tmp_path):
    """A file has at most as many requests as a provider takes."""
    paths = write_requests(tmp_path / "r.jsonl", [{"custom_id": str(n)} for n in range(MOST_REQUESTS + 1)])

    assert [path.name for path in paths] == ["r.jsonl", "r-2.jsonl"]
    assert [path.read_text().count("\n") for path in paths] == [MOST_REQUESTS, 1]


def test_batch_is_of_one_model(models):
    """A provider takes no file of two models."""
    plan = plan_of(small_suite(), variants_of(["a", "b"], ["bare"]))

    with pytest.raises(InvalidArgument, match=r"models=\['a', 'b'\]: expected one"):
        batch_requests(plan, models)


def test_model_without_a_batch_api_is_refused():
    """Only OpenAI's wire format has batches here."""
    with pytest.raises(InvalidArgument, match="model 'local': expected one with a batch API"):
        batch_model("local")


LINES = [
    ("no\n", "line 1: broken JSON"),
    ('\n{"id": 1}\n', "line 2: expected an object with 'custom_id'"),
    ("[]\n", "line 1: expected an object with 'custom_id'"),
]


@pytest.mark.parametrize(("text", "message"), LINES, ids=range(len(LINES)))
def test_file_that_is_none_of_a_batch_is_refused(tmp_path, plan, models, journal, text, message):
    """The message has the file and the line."""
    (tmp_path / "replies").write_text(text)

    with pytest.raises(InvalidArgument, match=message):
        read_replies(tmp_path / "replies", plan, models, journal)

"""Arguments of the models, servers, and strategies for tests: each has the effect that it names."""

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from schema_guard import Schema, testing
from schema_guard.testing import near_misses
from tests.needs import needs
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lines

ITEM = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}, "n": {"type": "integer", "multipleOf": 7}},
    "required": ["day", "n"],
    "additionalProperties": False,
}
DRAWN = settings(
    max_examples=150, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def drawn(strategy):
    """Return values of a strategy."""
    results = []

    def take(value):
        results.append(value)

    DRAWN(given(strategy)(take))()
    return results


def text_of(reply):
    message = reply.choices[0].message
    return message.content or message.refusal or ""


def test_near_misses_of_formats_and_other_documents():
    """Without formats, no near miss breaks one. A reference to another document is followed."""
    with_formats, without = (
        {miss.keyword for miss in drawn(near_misses(Schema.of(ITEM, formats=formats)))}
        for formats in (True, False)
    )
    resources = {"urn:other": {"type": "integer", "maximum": 3}}
    miss = find(
        near_misses(Schema.of({"$ref": "urn:other"}, resources=resources)),
        lambda one: one.keyword == "maximum",
    )

    assert "format" in with_formats
    assert "format" not in without
    assert miss.value > 3


@pytest.fixture
def training_set(tmp_path, monkeypatch):
    """A training set, and the key of the host in the environment."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
    (tmp_path / "set").mkdir()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{}"}]
    lines(tmp_path / "set" / "train.jsonl", [{"messages": turns}] * 12)


def tuned(server, base="small", *options):
    line = f"tune run set --backend openai-compatible --url {server.openai_url} --base {base} --yes --format json"
    return command(*line.split(), *options)


@needs("loopback")
def test_tuning_host_tunes_the_named_models_only(training_set):
    """Another base model is refused."""
    with testing.serve_tuning(bases=("mini", "maxi"), looks=0) as server:
        assert tuned(server, "maxi")[0] == 0
    with testing.serve_tuning(bases=("mini", "maxi"), looks=0) as server:
        status, _, err = tuned(server, "small", "--again")

    assert status in (1, 2)
    assert "small" in err


@needs("loopback")
def test_tuned_model_answers_as_scripted(training_set):
    """The server answers chat requests with the replies of `answering`."""
    openai = pytest.importorskip("openai")
    with testing.serve_tuning(looks=0, answering=['{"a": 1}', '{"a": 2}']) as server:
        client = openai.OpenAI(base_url=server.openai_url, api_key="k")
        replies = [
            client.chat.completions.create(model="small", messages=[{"role": "user", "content": "q"}])
            for _ in range(3)
        ]

    assert [text_of(reply) for reply in replies] == ['{"a": 1}', '{"a": 2}', '{"a": 1}']


@needs("loopback")
@pytest.mark.parametrize("looks", [0, 2])
def test_tuning_job_ends_after_the_named_looks(training_set, looks):
    """The job is running for `looks` requests, and then has the end from `ends`."""
    openai = pytest.importorskip("openai")
    with testing.serve_tuning(looks=looks, ends="cancelled") as server:
        client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)
        with open("set/train.jsonl", "rb") as rows:  # noqa: PTH123 - the SDK takes a file
            file = client.files.create(file=rows, purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="small", training_file=file.id)
        seen = [client.fine_tuning.jobs.retrieve(job.id).status for _ in range(looks + 2)]

    assert [status == "cancelled" for status in seen].count(False) == looks


@needs("loopback")
@pytest.mark.parametrize(("key", "is_refused"), [("other", True), ("k", False), (None, False)])
def test_tuning_host_takes_only_its_key(training_set, key, is_refused):
    """A request with another key is refused. Without a key, the host takes any."""
    with testing.serve_tuning(looks=0, key=key) as server:
        status, _, err = tuned(server)

    assert (status != 0) == is_refused, err

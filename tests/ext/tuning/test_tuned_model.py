"""`connect("tuned:DIR")`: the model that a job has made."""

import json
import re

import pytest

from schema_guard import guard, open_store
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.models import connect


@pytest.fixture
def job(tmp_path):
    """Write a job with a result."""

    def written(result, status="succeeded", backend="openai", url=None):
        document = {
            "format": 1, "backend": backend, "base": "small", "url": url, "mark": "0" * 12, "set": {}, "status": status, "files": {}, "id": None,
            "result": result, "cost": {},
        }  # fmt: skip
        (tmp_path / JOB_FILE).write_text(json.dumps(document))
        return f"tuned:{tmp_path}"

    return written


def result(model, adapter=None, provider=None):
    return {"model": model, "adapter": adapter, "provider": provider}


def test_the_result_of_a_job_is_asked(job, monkeypatch):
    """The model of the job is connected as if it were named, counts as tuned, and other arguments hold."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
    with connect(
        job(result("http://127.0.0.1:1/v1#mine", provider="vllm"), url="http://127.0.0.1:1/v1"),
        options={"temperature": 0},
    ) as model:
        assert (model.name, model.provider, model.tuned) == ("mine", "vllm", True)
        assert (model.options, model.endpoint.api_key) == ({"temperature": 0}, "k")
    with connect("http://127.0.0.1:1/v1#mine") as plain:
        assert not plain.tuned


def test_calls_of_a_tuned_model_are_recorded_as_such(job, tmp_path):
    """Whatever its name is, its calls are those of a tuned model."""
    script = tmp_path / "replies.jsonl"
    script.write_text('"{}"\n')
    with open_store(f"sqlite:///{tmp_path}/records.db") as store:
        with connect(job(result(f"scripted:{script}"))) as model:
            guard({"type": "object"}, strategy="bare", store=store)(model)("x")
        store.flush()

        assert [row.tuned for row in store.configurations()] == [True]


def test_an_adapter_lies_beside_the_job(job, tmp_path):
    """A LoRA is looked for in the folder of the job."""
    with pytest.raises(InvalidArgument, match=f"{tmp_path}/orders.gguf': expected the path of a GGUF file"):
        connect(job(result("local", "orders.gguf"), backend="local"))
    with pytest.raises(InvalidArgument, match="at /result/adapter"):
        connect(job(result("local", "../orders.gguf"), backend="local"))


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (
            None,
            "running",
            "its job has the status 'running', so it has no model yet. Resume the job with schema-guard tune run ",
        ),
    ],
)
def test_a_job_without_a_model_is_told(job, given, status, told):
    """A job that goes on, or whose model nobody knows, is told with the way out."""
    with pytest.raises(InvalidArgument, match=told):
        connect(job(given, status))


def test_a_folder_without_a_job_is_told(tmp_path):
    """Where nothing was tuned the command is named."""
    with pytest.raises(InvalidArgument, match=r"job.json is missing. Create it with schema-guard tune run "):
        connect(f"tuned:{tmp_path}")


def test_the_command_of_a_folder_with_spaces_can_be_copied(tmp_path):
    """Its path is quoted, as a shell wants it."""
    with pytest.raises(InvalidArgument, match=r"Create it with schema-guard tune run '.*my set'$"):
        connect(f"tuned:{tmp_path / 'my set'}")


@pytest.mark.parametrize(
    ("backend", "url", "model", "expected"),
    [
        ("local", None, "http://evil.test/v1#m", "'local'"),
        ("local", "http://evil.test/v1", "http://evil.test/v1#m", "'local'"),
        ("local", None, "openai:m", "'local'"),
        ("local", None, "tuned:elsewhere", "'local'"),
        ("openai", None, "http://evil.test/v1#m", "'openai:NAME'"),
        ("openai", None, "together:m", "'openai:NAME'"),
        ("openai-compatible", None, "http://evil.test/v1#m", "'openai-compatible:NAME'"),
        (
            "openai-compatible",
            "http://mine.test/v1",
            "http://evil.test/v1#m",
            "a model at http://mine.test/v1",
        ),
        (
            "openai-compatible",
            "http://mine.test/v1",
            "http://mine.test:8080/v1#m",
            "a model at http://mine.test/v1",
        ),
        ("openai-compatible", "http://mine.test/v1", "http://mine.test@evil.test/v1#m", "a model at"),
        ("openai-compatible", "http://mine.test/v1", "http://mine.test:x/v1#m", "a model at"),
        (
            "openai-compatible",
            "https://mine.test/v1",
            "http://mine.test/v1#m",
            "a model at https://mine.test/v1",
        ),
        ("openai-compatible", "http://mine.test/v1", "openai:m", "a model at http://mine.test/v1"),
        ("azure", "http://mine.test", "azure:m", "a model at http://mine.test"),
    ],
)
def test_a_job_does_not_decide_where_prompts_go(job, monkeypatch, backend, url, model, expected):
    """The model of a job must be on this machine, at the named host, or at the origin of the URL of the job."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "canary")
    with pytest.raises(InvalidArgument, match=re.escape(f": expected {expected}")):
        connect(job(result(model), backend=backend, url=url))


@pytest.mark.parametrize(
    ("backend", "url", "model"),
    [
        ("openai", None, "openai:ft:mine"),
        ("openai", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1#mine"),
    ],
)
def test_connects_to_the_backend_of_a_job(job, monkeypatch, backend, url, model):
    """A model at the backend of its job is connected."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with connect(job(result(model), backend=backend, url=url)) as connected:
        assert connected.tuned


@pytest.mark.parametrize("name", ["x\0y", "x\ud800y"])
def test_an_adapter_name_that_no_file_can_have_is_reported(job, name):
    """The error names the argument and the path, in a call and in a job."""
    for connecting in (
        lambda: connect("local", adapter=name),
        lambda: connect(job(result("local", name), backend="local")),
    ):
        with pytest.raises(
            InvalidArgument,
            match=r"y': expected the path of a GGUF file, but reading it failed: |lone surrogate",
        ):
            connecting()

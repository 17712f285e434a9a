"""`connect("tuned:DIR")`: the model that a job has made."""

import json

import pytest

from schema_guard import guard, open_store
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.models import connect


@pytest.fixture
def job(tmp_path):
    """Write a job with a result."""

    def written(result, status="succeeded"):
        document = {
            "format": 1, "backend": "openai", "base": "small", "url": None, "mark": "0" * 12, "set": {}, "status": status, "steps": [],
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
        job(result("http://127.0.0.1:1/v1#mine", provider="vllm")), options={"temperature": 0}
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
        connect(job(result("local", "orders.gguf")))
    with pytest.raises(InvalidArgument, match="at /result/adapter"):
        connect(job(result("local", "../orders.gguf")))


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (None, "running", "its job has made no model, it is running: go on with schema-guard tune run "),
        (result("tuned:elsewhere"), "succeeded", "its job names itself"),
        (result("loca"), "succeeded", "did you mean 'local'"),
    ],
)
def test_a_job_without_a_model_is_told(job, given, status, told):
    """A job that goes on, or whose model nobody knows, is told with the way out."""
    with pytest.raises(InvalidArgument, match=told):
        connect(job(given, status))


def test_a_folder_without_a_job_is_told(tmp_path):
    """Where nothing was tuned the command is named."""
    with pytest.raises(InvalidArgument, match=r"there is no job.json: make one with schema-guard tune run "):
        connect(f"tuned:{tmp_path}")


def test_the_command_of_a_folder_with_spaces_can_be_copied(tmp_path):
    """Its path is quoted, as a shell wants it."""
    with pytest.raises(InvalidArgument, match=r"make one with schema-guard tune run '.*my set'$"):
        connect(f"tuned:{tmp_path / 'my set'}")

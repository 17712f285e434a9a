"""`bench run --model module:function`: a function of the user's as a model."""

import json
import sys

import pytest

from tests.needs import needs
from tests.public.commands.command_lines import run

SCHEMA = {"title": "item", "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CODE = """
from schema_guard import guard

def plain(prompt: str):
    return '{"a": 1}' if "a is 1" in prompt else "no"

async def later(text: str):
    return plain(text)

@guard({"type": "object"}, name="own", store=None, max_attempts=3)
def guarded(question: str, tone: str = "kind"):
    return plain(question)

def with_options(prompt: str, options: dict | None = None):
    return '{"a": 1}' if options and "response_format" in options else "no"

def two(prompt: str, customer: str):
    return "no"

value = 3
"""


@pytest.fixture(autouse=True)
def tasks(folder, monkeypatch):
    """Four tasks, of which the functions answer the first."""
    monkeypatch.delitem(sys.modules, "own_model", raising=False)
    (folder / "own_model.py").write_text(CODE)
    rows = [{"id": f"t{n}", "input": f"a is {n}", "gold": {"a": n}, "schema": SCHEMA} for n in (1, 2, 3, 4)]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))


def bench(capsys, name, *options):
    arguments = ["tasks.jsonl", "--model", f"own_model:{name}", "--store", "none", *options]
    return run(capsys, "bench", "run", *arguments)


@pytest.mark.parametrize("name", ["plain", "later", "guarded"])
def test_measures_a_function(capsys, name):
    """It can be asynchronous, and guarded already: the function inside is asked, with no attempts of its own guard."""
    status, out, _ = bench(capsys, name, "--strategy", "bare", "--format", "json")

    (variant,) = json.loads(out)["variants"]
    assert status == 0
    assert (variant["model"], variant["failed"]["count"], variant["failed"]["n"]) == (
        f"own_model:{name}",
        3,
        4,
    )


@needs("fitting")
def test_leaves_out_strategies_that_the_function_cannot_be_asked_with(capsys):
    """Without a parameter for options, a schema can't be sent."""
    _, out, _ = bench(capsys, "plain", "--format", "json")

    assert {one["strategy"] for one in json.loads(out)["variants"]} == {"system_prompt", "few_shot"}

    status, _, err = bench(capsys, "plain", "--strategy", "strict_schema")
    assert status == 2
    assert "does not support the strategy 'strict_schema'" in err


@needs("fitting")
def test_a_parameter_for_options_gets_the_arguments_of_the_provider(capsys):
    """Then all strategies can be asked."""
    _, out, _ = bench(capsys, "with_options", "--strategy", "strict_schema", "--format", "json")

    assert json.loads(out)["variants"][0]["failed"]["count"] == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "own_model:two",
            "expected a function that needs only a prompt, but its parameter 'customer' has no default",
        ),
        ("own_model:missing", "module 'own_model' has no attribute 'missing'"),
        (
            "own_model:value",
            "--model 'own_model:value': expected module:function, but this object is not a function",
        ),
        ("nowhere:ask", "You can also pass your function as module:function"),
        ("opnai:x", "Did you mean 'openai'?"),
    ],
)
def test_a_wrong_function_is_2(capsys, name, message):
    """The message says what is expected."""
    status, _, err = run(capsys, "bench", "run", "tasks.jsonl", "--model", name, "--store", "none")

    assert status == 2
    assert message in err


@needs("playbook")
@pytest.mark.parametrize("name", ["plain", "guarded"])
def test_the_playbook_tries_its_steps_on_a_function(capsys, name):
    """A step that the function can't be asked with is not applicable."""
    _, out, _ = bench(capsys, name, "--playbook", "--format", "json")

    claims = {one["rung"]: one["status"] for one in json.loads(out)["evidence"]["ladder"]}
    assert claims["strict_schema"] == claims["temperature"] == "not_applicable"

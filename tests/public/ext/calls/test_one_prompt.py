"""Trials send the requests of the function: the same bytes except for the input, for each API, kind of function, and strategy."""

import json
import os
import re
from unittest import mock

import pytest

from schema_guard import connect, guard, open_store
from schema_guard.testing import serve
from tests.needs import needs
from tests.public.commands.command_lines import main

SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {
        "team": {"enum": ["shop", "bank"]},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
    },
    "required": ["team", "code"],
    "additionalProperties": False,
}
GOOD = {"team": "shop", "code": "AB-123"}
DEV = [("Where is my card?", {"team": "bank", "code": "CD-456"}), ("The mug broke.", GOOD)]
CALLED, TESTED = "The parcel never came.", [f"Bill {number} is wrong." for number in range(6)]
INPUT = re.compile(r"The parcel never came\.|Bill [0-9] is wrong\.")
BEFORE = "You sort the mail."
STRATEGIES = (
    "bare",
    "system_prompt",
    "few_shot",
    "reason_then_format",
    "json_mode",
    "tool_call",
    "strict_schema",
)
STEPS = ("system_prompt", "strict_schema", "json_mode", "few_shot", "reason_then_format")
APIS = ("openai", "openai-responses", "anthropic", "google")
KINDS = ("text", "user_turn", "messages", "instructions", "connect")
OF_API = {"google": "gemini"}
VARIABLES = {
    "OPENAI_API_KEY": "k",
    "ANTHROPIC_API_KEY": "k",
    "GEMINI_API_KEY": "k",
}
LARGEST = 8192  # the output limit of `connect` for Anthropic, whose API needs one


def environment(server):
    urls = {
        "OPENAI_BASE_URL": server.openai_url,
        "ANTHROPIC_BASE_URL": server.anthropic_url,
        "GOOGLE_GEMINI_BASE_URL": server.google_url,
    }
    return mock.patch.dict(os.environ, {**VARIABLES, **urls})


def create_of(api, server):
    """Return the method of the provider's SDK, with the arguments that never change."""
    if api == "anthropic":
        import anthropic

        client = anthropic.Anthropic(base_url=server.anthropic_url, api_key="k", max_retries=0)
        return lambda **more: client.messages.create(**{"model": "m", "max_tokens": LARGEST, **more})
    if api == "google":
        from google import genai

        client = genai.Client(api_key="k", http_options={"base_url": server.google_url})
        return lambda **more: client.models.generate_content(model="m", **more)
    import openai

    client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)
    create = client.chat.completions.create if api == "openai" else client.responses.create
    return lambda **more: create(model="m", **more)


def sent(api, system, turns):
    """Return the arguments of the SDK's method for a system message and turns, as the SDK's documentation writes them."""
    if api == "anthropic":
        return {"messages": turns, **({"system": system} if system else {})}
    if api == "google":
        return {"contents": turns, **({"config": {"system_instruction": system}} if system else {})}
    system_turn = [{"role": "system", "content": system}] if system else []
    return {"input" if api == "openai-responses" else "messages": [*system_turn, *turns]}


def user(api, text):
    if api == "openai-responses":
        return text
    return [{"role": "user", "content": text}]


def function_of(api, kind, server):
    """Return a function of the user's, with the SDK of the provider."""
    create = create_of(api, server)

    def joined(arguments, options):
        options = dict(options or {})
        config = {**arguments.pop("config", {}), **options.pop("config", {})}
        return create(**arguments, **options, **({"config": config} if config else {}))

    def ask_text(prompt: str, options: dict | None = None):
        if api == "openai-responses":
            return joined({"input": prompt}, options)
        return joined({"contents": prompt} if api == "google" else sent(api, "", user(api, prompt)), options)

    def ask_messages(messages: list, options: dict | None = None):
        systems = [one["content"] for one in messages if one["role"] == "system"]
        return joined(
            sent(api, "".join(systems), [one for one in messages if one["role"] != "system"]), options
        )

    def ask_instructions(text: str, instructions: str = BEFORE, options: dict | None = None):
        turns = text if api == "google" else [{"role": "user", "content": text}]
        return joined(sent(api, instructions, turns), options)

    return {"text": ask_text, "instructions": ask_instructions}.get(kind, ask_messages)


def task_of(api, kind, text):
    if kind == "messages":
        return [{"role": "system", "content": BEFORE}, {"role": "user", "content": text}]
    if kind == "user_turn":
        turn = {"parts": [{"text": text}]} if api == "google" else {"content": text}
        return [{"role": "user", **turn}]
    return text


class Alternating:
    """A model whose first reply to a call is wrong and whose second one is right."""

    def __init__(self):
        self.count = 0

    def __call__(self, prompt):
        self.count += 1
        return "No." if self.count % 2 else json.dumps(GOOD)


def bodies(requests):
    """Return the body of each request, with one word in the place of the input."""
    texts = [json.dumps(request.body) for request in requests]
    for text, request in zip(texts, requests, strict=True):
        # JSON with the usual or without spaces. A text of the same length has the same bytes.
        compact = json.dumps(request.body, separators=(",", ":"))
        assert int(request.headers["content-length"]) in (len(text), len(compact))
    return [INPUT.sub("INPUT", text) for text in texts]


def write_suite(folder, kind):
    """Write a training set, whose rows can have a system message."""
    system = {"system": BEFORE} if kind in ("messages", "instructions") else {}
    for name, pairs in (("train", DEV), ("test", [(text, GOOD) for text in TESTED])):
        rows = [
            {
                **system,
                "messages": [
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": json.dumps(value)},
                ],
            }
            for text, value in pairs
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    schema = {"name": "ticket", "document": SCHEMA}
    (folder / "manifest.json").write_text(
        json.dumps({"format": 1, "schema": schema, "function": "shop.sort"})
    )


def strategies_of(api):
    return [name for name in STRATEGIES if (api, name) != ("anthropic", "json_mode")]


def call(api, kind, strategy, server, store):
    """Call the guarded function once. The first reply is wrong, so it sends two requests."""
    settings = {"strategy": strategy, "max_attempts": 2, "examples": DEV, "name": "shop.sort", "store": store}
    if kind == "connect":
        with connect(f"{api}:m") as model:
            return guard(SCHEMA, **settings)(model)(CALLED)
    function = function_of(api, kind, server)
    return guard(SCHEMA, provider=OF_API.get(api, api), **settings)(function)(task_of(api, kind, CALLED))


def calls(api, kind, strategies, payload="off"):
    """Return the requests of the function, by strategy, and record its calls."""
    sent_requests = {}
    with serve(Alternating()) as server, environment(server), open_store("r.db", payload=payload) as store:
        for strategy in strategies:
            since = len(server.requests)
            assert call(api, kind, strategy, server, store) == GOOD
            sent_requests[strategy] = bodies(server.requests[since:])
    return sent_requests


def trial(answering, api, *arguments):
    """Return the requests of a trial for the function."""
    with serve(answering) as server, environment(server):
        status = main(
            ("bench", "run", ".", "--model", f"{api}:m", "--concurrency", "1", "--store", "r.db", *arguments)
        )
        assert status in (0, 1)
        return bodies(server.requests)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The SDK of Gemini takes no system message in a list.
CASES = [(api, kind) for api in APIS for kind in KINDS if (api, kind) != ("google", "messages")]
# Each API once with each kind of prompt is enough for a quick run.
QUICK = {("openai", "text"), ("openai", "connect"), ("openai-responses", "messages"), ("anthropic", "instructions"), ("google", "user_turn"), ("google", "connect")}  # fmt: skip
CASES_BY_SPEED = [
    pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow, id="-".join(case)) for case in CASES
]


@pytest.mark.parametrize(("api", "kind"), CASES_BY_SPEED)
def test_bench_sends_the_requests_of_the_function(folder, api, kind):
    """The first request and the retry of every strategy are the same."""
    write_suite(folder, kind)
    by_function = calls(api, kind, strategies_of(api))

    by_bench = {
        strategy: trial(Alternating(), api, "--strategy", strategy, "--sample", "1")
        for strategy in by_function
    }

    assert {len(requests) for requests in by_function.values()} == {2}
    assert by_bench == by_function


@needs("playbook")
@pytest.mark.parametrize(("api", "kind"), CASES_BY_SPEED)
def test_the_playbook_sends_the_requests_of_the_function(folder, api, kind):
    """A step that is a strategy sends the first request of this strategy. A retry is the retry of the first step."""
    write_suite(folder, kind)
    by_function = calls(api, kind, [name for name in STEPS if name in strategies_of(api)])

    steps = [*by_function, "repair_retry"]
    by_playbook = {
        step: trial(lambda prompt: "No.", api, "--playbook", "--first-step", step, "--max-calls", "1")
        for step in steps
    }

    assert {step: by_playbook[step] for step in by_function} == {
        step: requests[:1] for step, requests in by_function.items()
    }
    assert by_playbook["repair_retry"][:2] == by_function["system_prompt"]


# A store does not have the own instructions of a function, and no text of Gemini's own messages.
RECORDED = [
    case
    for case in CASES_BY_SPEED
    if case.values[1] != "instructions" and case.values != ("google", "user_turn")
]


@needs("playbook")
@pytest.mark.parametrize(("api", "kind"), RECORDED)
def test_the_playbook_of_recorded_inputs_sends_the_requests_of_the_function(folder, api, kind):
    """The store gives the schema and the input. It has other examples than the function, so few_shot is left out."""
    steps = [name for name in STEPS if name in strategies_of(api) and name != "few_shot"]
    by_function = calls(api, kind, steps, payload="full")

    by_playbook = {}
    for step in steps:
        with serve(lambda prompt: "No.") as server, environment(server):
            arguments = (
                "--function",
                "shop.sort",
                "--first-step",
                step,
                "--max-calls",
                "1",
                "--store",
                "r.db",
            )
            status = main(("bench", "run", "--playbook", "--model", f"{api}:m", *arguments))
            assert status in (0, 1)
            by_playbook[step] = bodies(server.requests)

    assert by_playbook == {step: requests[:1] for step, requests in by_function.items()}


@needs("playbook")
def test_the_playbook_reports_that_own_instructions_are_not_in_the_store(folder, capsys):
    """A training set with system messages has them."""
    calls("openai", "instructions", ["system_prompt"], payload="full")

    with serve(lambda prompt: "No.") as server, environment(server):
        arguments = ("--function", "shop.sort", "--max-calls", "1", "--store", "r.db")
        assert main(("bench", "run", "--playbook", "--model", "openai:m", *arguments)) in (0, 1)

    assert "has no instructions of the function" in " ".join(capsys.readouterr().err.split())

"""Stories about the line that a verdict advises: a function with this line sends the requests that the trial sent."""

import ast
import json
import re
from contextlib import suppress

import pytest

from schema_guard import connect, guard, open_store
from schema_guard.testing import serve
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.production import GOOD, SHAPE, TICKET, Production

pytestmark = needs("playbook", "loopback")


@pytest.fixture(params=["text", "connect"])
def story(tmp_path, monkeypatch, request):
    """A function whose texts are stored and whose model is a server. It fails every tenth call."""
    monkeypatch.setenv("OPENAI_API_KEY", "dummy")
    with (
        stopped_clock() as clock,
        open_store(f"{tmp_path}/records.db?payload=redacted") as store,
        serve(Model()) as server,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        story = Production(store, clock, tmp_path)
        story.server, story.kind = server, request.param
        story.ask = guarded(
            request.param, store=store, name="shop.extract", max_attempts=1, on_failure="return"
        )
        for number in range(300):
            story.ask(f"ticket {number}")
            clock.now += 60.0
        store.flush(60.0)
        yield story


class Model:
    """A model that fails every tenth call without examples."""

    def __init__(self):
        self.count = 0

    def __call__(self, prompt):
        self.count += 1
        return SHAPE if "few" not in str(prompt) and self.count <= 300 and self.count % 10 == 0 else GOOD


def guarded(kind, **settings):
    """Return a guarded function of a kind: one that takes a text, or a model of `connect`."""
    if kind == "connect":
        return guard(TICKET, **settings)(connect("openai:m1"))
    import openai

    client = openai.OpenAI(max_retries=0)

    def extract(prompt, options: dict | None = None):
        messages = [{"role": "user", "content": prompt}]
        return client.chat.completions.create(model="m1", messages=messages, **(options or {}))

    return guard(TICKET, provider="openai", **settings)(extract)


def body(request):
    """Return the body of a request without its input."""
    return re.sub(r"(ticket|task) [0-9]+(?=[^0-9]*$)", "INPUT", json.dumps(request.body))


def arguments_of(text):
    """Return the arguments of the first line of `guard` in a text."""
    rest = text.partition("guard(..., ")[2]
    for end in (found.end() for found in re.finditer(r"\)", rest)):
        with suppress(SyntaxError):
            keywords = ast.parse(f"guard({rest[:end]}", mode="eval").body.keywords
            return {one.arg: ast.literal_eval(one.value) for one in keywords}
    raise AssertionError(text)


def playbook(story, step):
    """Run the playbook from a step on, and return its requests."""
    before = len(story.server.requests)
    status, out, err = command(
        "bench", "run", "--playbook", "--function", "shop.extract", "--first-step", step, "--max-failure-rate", "3%",
        "--store", story.store.url, "--concurrency", "1", "--format", "json",
    )  # fmt: skip
    assert status in (0, 1), err
    return json.loads(out), story.server.requests[before:]


@pytest.mark.parametrize("step", ["few_shot", "reason_then_format"])
def test_a_function_with_the_advised_line_sends_the_requests_of_the_trial(story, step):
    """`decide` advises the step that the playbook measured. The line has the examples of recorded calls."""
    result, requests = playbook(story, step)
    verdict = json.loads(story.run("decide", "--max-failure-rate", "3%", "--format", "json")[1])
    assert verdict["switch_to"].startswith(step)
    assert (
        result["verdict"]["next_step"].partition(", then")[0] == verdict["next_step"].partition(", then")[0]
    )

    before = len(story.server.requests)
    guarded(story.kind, store=None, **arguments_of(verdict["next_step"]))("ticket 999")

    assert body(story.server.requests[before]) == body(requests[-1])
    assert ("'ticket 298'" in verdict["next_step"]) == (step == "few_shot")


def test_examples_whose_texts_are_deleted_are_named(story):
    """The line has no examples then, and the verdict says so."""
    playbook(story, "few_shot")
    for number in (297, 298):
        story.run("store", "delete", "--input", f"ticket {number}", "--yes")

    text = json.loads(story.run("decide", "--max-failure-rate", "3%", "--format", "json")[1])["next_step"]

    assert "examples=[...]) on m1 with the deleted texts of the calls" in text
    assert "as examples" in text


def test_the_examples_of_a_suite_are_named(story, tmp_path):
    """A benchmark shows the dev tasks of its suite. Their texts are not in the store."""
    folder = tmp_path / "tickets"
    folder.mkdir()
    answer = {"role": "assistant", "content": GOOD}
    for name, tasks in (("train", range(2)), ("test", range(2, 202))):
        rows = [{"messages": [{"role": "user", "content": f"task {number}"}, answer]} for number in tasks]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = {"format": 1, "schema": {"name": "ticket", "document": TICKET}, "function": "shop.extract"}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    status, out, err = command(
        "bench", "run", folder, "--model", "openai:m1", "--strategy", "few_shot", "--sample", "all", "--store", story.store.url,
        "--max-failure-rate", "3%",
    )  # fmt: skip
    text = json.loads(story.run("decide", "--max-failure-rate", "6%", "--format", "json")[1])["next_step"]

    assert status == 0, err
    assert "use few_shot with the dev tasks of the suite as examples, if it has any" in " ".join(out.split())
    assert text.startswith(
        "use guard(..., strategy='few_shot', examples=[...], max_attempts=2) on m1 with the dev tasks of ticket in the suite "
        "tickets as examples, then run: "
    )

"""Models for tests of a playbook: what they reply is a function of what they hear."""

import asyncio

from schema_guard.ext.playbook.inputs import inputs_of
from schema_guard.ext.playbook.run import PlaybookRun
from schema_guard.ext.playbook.steps import Models, PlaybookSettings
from schema_guard.models.scripted import ScriptedModel
from schema_guard.schema import Schema
from schema_guard.stats import bounds

SCHEMA = Schema.of(
    {
        "title": "Count",
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
)
VALID, PROSE, WRONG_SHAPE = '{"n": 1}', "no", '{"m": 1}'
CUT_OFF = {"reply": '{"n":', "finish_reason": "length"}
BROKEN = "{'m': 1}"


class Answering(ScriptedModel):
    """Replies what a function of the number of the call, the prompt and the options gives; keeps what it heard."""

    def __init__(self, answer, **settings):
        super().__init__([], **settings)
        self.answer = answer
        self.heard = []

    async def acall(self, prompt, *, options=None):
        self.heard.append((prompt, options))
        reply = self.answer(len(self.heard), prompt, options or {})
        if isinstance(reply, BaseException):
            raise reply
        scripted = ScriptedModel([reply], name=self.name)
        return await scripted.acall(prompt)


class Slow(Answering):
    """Takes longer for the first of several calls at once than for the last."""

    async def acall(self, prompt, *, options=None):
        reply = await super().acall(prompt, options=options)
        await asyncio.sleep(0.001 * (4 - len(self.heard) % 4))
        return reply


def always(reply, **settings):
    return Answering(lambda *_: reply, **settings)


def in_turn(*replies, then=PROSE, **settings):
    """Gives these replies in order, then always the last one."""
    return Answering(lambda number, *_: replies[number - 1] if number <= len(replies) else then, **settings)


def texts(count):
    return [f"text {number}" for number in range(count)]


def inputs(count=60):
    return inputs_of(SCHEMA, texts(count))


def run_playbook(  # noqa: PLR0913 - each by name
    asked, model, larger=None, tuned=None, *, store=None, settings=None, on_asked=lambda _: None
):
    """Run a playbook to its end."""
    return PlaybookRun(asked, Models(model, larger, tuned), store, settings or PlaybookSettings()).to_end(
        on_asked
    )


def is_strict(options):
    return options.get("response_format", {}).get("type") == "json_schema"


def task_of(prompt):
    return next(message["content"] for message in prompt if message["content"].startswith("text "))


def fails_after(target, alpha):
    """Calls after which a step that always fails is decided."""
    return next(n for n in range(1, 1_000) if bounds(n, n, alpha=alpha).lower > target)


def passes_after(target, alpha):
    """Calls after which a step that never fails is decided."""
    return next(n for n in range(1, 1_000) if bounds(0, n, alpha=alpha).upper <= target)

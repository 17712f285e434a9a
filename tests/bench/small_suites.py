"""Small suites made in code, and models for them whose replies follow from the prompt."""

import json

from schema_guard.bench.suites.values import Suite, SuiteSchema, Task
from schema_guard.models.scripted import ScriptedModel
from schema_guard.schema import Schema

DOCUMENT = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def small_suite(
    names=("first", "second"),
    tasks=2,
    *,
    groups=None,
    hardness=None,
    fingerprint="0123456789abcdef",
    document=DOCUMENT,
):
    """Schemas with so many tasks to score and one to show; the gold of task NAME-3 is {"n": 3}."""
    entries = []
    for at, name in enumerate(names):
        made = [
            Task(
                f"{name}-{n}",
                f"{name} {n}",
                "Give n.",
                {"n": n},
                {},
                (),
                "test" if n <= tasks else "dev",
                None if hardness is None else hardness(n),
            )
            for n in range(1, tasks + 2)
        ]
        group = groups[at] if groups else name
        schema = Schema.of({**document, "title": name})
        entries.append(SuiteSchema(name, group, "MIT", schema, tuple(made)))
    return Suite("small", fingerprint, tuple(entries))


def number_asked(prompt):
    """The number of the task in a prompt, and how many messages stand behind the task."""
    texts = [turn["content"] for turn in prompt]
    at = max(index for index, text in enumerate(texts) if "Give n." in text)
    return int(texts[at].split("Give n.")[1].split()[1]), len(texts) - 1 - at


class Counting(ScriptedModel):
    """Replies with the number that it is asked for; `wrong(number, re_ask)` says what comes instead, or None."""

    def __init__(self, wrong=lambda number, retry: None, name="counting", *, is_usage_known=True):
        super().__init__({"": "{}"}, name=name)
        self.usage = {"prompt_tokens": 10, "completion_tokens": 2} if is_usage_known else None
        self.wrong = wrong
        self.heard = []

    async def acall(self, prompt, *, options=None):
        self.heard.append((prompt, options))
        number, behind = number_asked(prompt)
        wrong = self.wrong(number, behind > 0)
        if isinstance(wrong, BaseException):
            raise wrong
        if wrong is not None and wrong.startswith("<!"):
            return wrong
        text = json.dumps({"n": number}) if wrong is None else wrong
        return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": self.usage}

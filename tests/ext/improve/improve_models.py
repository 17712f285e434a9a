"""A model with a weakness, and what to improve about its prompt."""

import json
import random

from schema_guard import Schema
from schema_guard.ext.improve.values import ImproveInput, ImproveTask, PromptInUse
from schema_guard.models.scripted import ScriptedModel

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "priority": {"enum": ["low", "normal", "high"]},
            "due": {"type": "string", "format": "date"},
            "note": {"type": "string", "maxLength": 20},
        },
        "required": ["priority", "due"],
        "additionalProperties": False,
    }
)
RIGHT = {"priority": "high", "due": "2026-03-14"}
WRONG = {"priority": "urgent", "due": "2026-03-14"}
SENTENCE = '"priority" is one of "low", "normal", "high".'
_WORDS = [
    "send",
    "boxes",
    "lamps",
    "chairs",
    "to",
    "yard",
    "dock",
    "by",
    "friday",
    "monday",
    "noon",
    "call",
    "anna",
    "peter",
    "before",
    "you",
    "come",
    "with",
    "a",
    "van",
]


def text_of(prompt):
    return prompt if isinstance(prompt, str) else "\n".join(str(one["content"]) for one in prompt)


class WeakModel(ScriptedModel):
    """Fails on 40% of the inputs, unless its prompt has a sentence. It hears everything it is asked."""

    def __init__(self, helped=SENTENCE, *, wrong=WRONG, right=RIGHT, helped_right=None):
        super().__init__([], name="weak")
        self._helped, self._wrong, self._right = helped, wrong, right
        self._helped_right = helped_right or right
        self.heard = []

    async def acall(self, prompt, *, options=None):
        return self(prompt, options=options)

    def __call__(self, prompt, *, options=None):
        self.heard.append(prompt)
        text = text_of(prompt)
        is_helped = self._helped is not None and self._helped in text
        if random.Random(text).random() < (0.02 if is_helped else 0.4):
            return json.dumps(self._wrong)
        return json.dumps(self._helped_right if is_helped else self._right)


def texts(count, seed=0):
    """Return different inputs, no two of which are near copies."""
    draw = random.Random(seed)
    return [f"{at} " + " ".join(draw.choices(_WORDS, k=14)) for at in range(count)]


def task_of(folder, model, count=180, *, gold=None, **settings):
    inputs = tuple(ImproveInput(text, gold, is_labeled=gold is not None) for text in texts(count))
    known = {"schema": ORDER, "prompt": PromptInUse(), **settings}
    return ImproveTask(inputs=inputs, model=model, folder=folder, **known)

# SPDX-License-Identifier: Apache-2.0
"""The last step: a router that sends the primary inputs to the tuned model, and the others to the best prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.scoring import score
from schema_guard.decorator import guard
from schema_guard.ext.tuning.routing.router import Router
from schema_guard.limits import Limits
from schema_guard.models import connect
from schema_guard.prompting import Example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.finetune_loop import Loop
    from schema_guard.models import Model

TASKS = 6
"""Asked through the router: half of them in the language of the training set."""
_PROMPT = "few_shot>strict_schema"
_OTHER_LANGUAGE = "language"
_WORDS = frozenset(
    {
        "the",
        "of",
        "for",
        "please",
        "is",
        "and",
        "to",
        "on",
        "buyer",
        "from",
        "signed",
        "each",
        "order",
        "quantity:",
    }
)


class RoutedCall(NamedTuple):
    """A call through the router.

    Attributes:
        task: Its text.
        branch: The branch that answered, `tuned` or `prompt`.
        ok: Whether a valid value came out.
        right: Whether it equals the known answer.
    """

    task: str
    branch: str
    ok: bool
    right: bool


def is_english(task: str) -> bool:
    r"""Return whether the input of a task has a word of English orders. Ignore the instruction before the input.

    >>> is_english("Extract the order.\n\n5 chairs for Eva"), is_english("Extract the order.\n\n5 Stühle an Eva")
    (True, False)
    """
    return bool(_WORDS & set(task.rpartition("\n\n")[2].lower().replace(",", " ").split()))


def routed(loop: Loop) -> list[RoutedCall]:
    """Send some held-out tasks through a router over both models."""
    with connect("local") as prompted, connect(f"tuned:{loop.tuned}") as tuned:
        return list(_calls(loop, prompted, tuned))


def _calls(loop: Loop, prompted: Model, tuned: Model) -> Iterator[RoutedCall]:
    (entry,) = load_suite(loop.suite).schemas
    shown = [Example(task.gold, task.text) for task in entry.tasks_of("dev")]
    limits: dict[str, Any] = {"store": loop.store, "max_attempts": 2, "limits": Limits(output_tokens=200)}

    by_tuned: Any = guard(entry.schema, strategy="bare", **limits)(tuned)
    by_prompt: Any = guard(entry.schema, strategy=_PROMPT.split(">"), examples=shown, **limits)(prompted)
    read: Any = Router(tuned=by_tuned, prompt=by_prompt, primary=is_english, name="read_order")
    tasks = entry.tasks_of("test")
    others = [task for task in tasks if _OTHER_LANGUAGE in task.tags]
    chosen = [*(task for task in tasks if "unseen" in task.tags)][: TASKS - TASKS // 2] + others[: TASKS // 2]
    for task in chosen:
        outcome = read.outcome(task.text)
        right = outcome.ok and score(outcome.value, task.gold, task.match).exact
        branch = "tuned" if outcome.attempts[-1].strategy == "bare" else "prompt"
        yield RoutedCall(task.input, branch, outcome.ok, right)

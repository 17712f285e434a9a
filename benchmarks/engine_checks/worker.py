# SPDX-License-Identifier: Apache-2.0
"""The process that holds an engine: run as a module by `benchmarks.engine_checks.child`.

It reads one line of settings from stdin, says that it is ready, and then answers one line for each line: first
whether the schema compiled, then what came of the texts. It lives until stdin ends, and may die at any time.
Should the one that asks be gone, an alarm ends what never comes to an end: its default action needs no Python.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from benchmarks.engine_checks.adapter import ACCEPTED, GAVE_UP, REJECTED, GaveUp, Refused
from benchmarks.engine_checks.vocabulary import Vocabulary
from schema_guard.text import clip

if TYPE_CHECKING:
    from benchmarks.engine_checks.adapter import Adapter, Matcher

_REASON_CHARS = 200


def serve(adapter: Adapter, vocabulary: Vocabulary, task: dict[str, Any], answer: IO[str]) -> None:
    """Do one task: compile its schema, judge its instances, time some masks."""
    try:
        compiled = adapter.compile(task["schema"])
    except Refused as refused:
        _say(answer, refused=_one_line(str(refused)))
        return
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is its refusal
        _say(answer, refused=_one_line(f"{type(error).__name__}: {error}"))
        return
    _say(answer, compile_s=compiled.cpu_s)
    walk = _Walk(compiled.matcher, vocabulary)
    # Before anything else: what an engine works out once and keeps belongs to the first masks, as in decoding.
    first_texts = [texts[0] for texts, wanted in zip(task["instances"], task["timed"], strict=True) if wanted]
    mask_s = walk.mask_times(first_texts, task["masks"])
    verdicts = [walk.verdict(texts) for texts in task["instances"]]
    reordered = [
        walk.verdict(texts) if texts and verdict == ACCEPTED else None
        for texts, verdict in zip(task["reordered"], verdicts, strict=True)
    ]
    _say(answer, verdicts=verdicts, reordered=reordered, gave_up=walk.gave_up, mask_s=mask_s)


class _Walk:
    """Takes texts through a matcher, token by token.

    Attributes:
        gave_up: Why the engine gave up on a text, the first time.
    """

    def __init__(self, matcher: Matcher, vocabulary: Vocabulary) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary
        self.gave_up: str | None = None

    def verdict(self, texts: list[str]) -> str:
        """Say what the engine makes of an instance: it accepts it when it accepts any of its texts."""
        verdicts = set()
        for text in texts:
            verdicts.add(self._verdict_on(text))
            if ACCEPTED in verdicts:
                return ACCEPTED
        return GAVE_UP if GAVE_UP in verdicts else REJECTED

    def mask_times(self, texts: list[str], most: int) -> list[float]:
        """Give the processor seconds of the masks along some texts, each to its first rejected token, at most so many."""
        times: list[float] = []
        for text in texts:
            self._matcher.start()
            for token in self._vocabulary.tokens_of(text.encode()) or ():
                if len(times) >= most:
                    return times
                start = time.process_time()
                self._matcher.mask()
                times.append(time.process_time() - start)
                if not self._takes(token):
                    break
        return times

    def _takes(self, token: int) -> bool:
        try:
            return self._matcher.advance(token)
        except GaveUp:
            return False

    def _verdict_on(self, text: str) -> str:
        try:
            tokens = self._tokens(text)
            self._matcher.start()
            accepted = all(self._matcher.advance(token) for token in tokens) and self._matcher.may_end()
        except GaveUp as reason:
            self.gave_up = self.gave_up or _one_line(str(reason))
            return GAVE_UP
        return ACCEPTED if accepted else REJECTED

    def _tokens(self, text: str) -> list[int]:
        tokens = self._vocabulary.tokens_of(text.encode())
        if tokens is None:
            raise GaveUp("the vocabulary has no token for a byte of the text")
        return tokens


def _one_line(text: str) -> str:
    """Give the first line that says something, cut."""
    return clip(
        next((line.strip() for line in text.splitlines() if line.strip()), "no reason given"), _REASON_CHARS
    )


def _say(answer: IO[str], **said: Any) -> None:
    answer.write(json.dumps(said) + "\n")
    answer.flush()


def main() -> None:
    """Serve until stdin ends."""
    # What an engine prints must not be taken for an answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    path = settings["vocabulary"]
    vocabulary = Vocabulary.of(None if path is None else Path(path))
    module, _, function = settings["loader"].partition(":")
    adapter = getattr(importlib.import_module(module), function)(vocabulary)
    _say(answer, ready=True)
    for line in sys.stdin:
        signal.alarm(settings["alarm_s"])
        serve(adapter, vocabulary, json.loads(line), answer)
        signal.alarm(0)
    # Not a return: an engine that takes long to be taken apart would hold up whoever waits for the end.
    os._exit(0)


if __name__ == "__main__":
    main()

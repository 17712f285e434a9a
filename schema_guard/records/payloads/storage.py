# SPDX-License-Identifier: Apache-2.0
"""The texts of prompts and replies that a store keeps.

Rules: The policies are in order, and each stores more than the one before. If two stores name one file, the stricter
policy applies. Texts are redacted before they wait for the writer. If the redaction of a text fails, nothing of it is
stored, and no message quotes it.
"""

from __future__ import annotations

import json
import logging
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.configuration.project import place_of, setting
from schema_guard.errors import InvalidArgument
from schema_guard.extensions import load, require
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.records.payloads.texts import Payload
    from schema_guard.values import Attempt, Outcome, Prompt

PayloadPolicy: TypeAlias = Literal["off", "hash", "second_opinion", "redacted", "full"]

POLICIES: tuple[PayloadPolicy, ...] = ("off", "hash", "second_opinion", "redacted", "full")
"""The policies, starting with the one that stores least."""

REDACTOR_ERROR = "redactor_error"
"""The reason why a text was not stored: the redaction, or the user's part of it, raised an error."""

_MOST_TOUCHED = 1_000

_logger = logging.getLogger("schema_guard")


class PendingTexts(NamedTuple):
    """The texts of one attempt while they wait for the writer.

    Attributes:
        prompt: JSON of the prompt.
        reply: The reply.
        touched: JSON of the places where the redaction changed them.
        lost: Names of the texts whose redaction failed, of `"prompt"`, `"reply"`, and `"task"`.
        task: JSON of the task of the user's function, only for attempt 1. None if it equals the prompt.
        is_redacted: Whether they were redacted.
        has_opinion: Whether a second model is asked about the call, whose texts "second_opinion" stores.
    """

    prompt: str | None
    reply: str | None
    touched: str | None = None
    lost: tuple[str, ...] = ()
    task: str | None = None
    is_redacted: bool = False
    has_opinion: bool = False


class TextStorage:
    """Selects the texts of outcomes that a policy allows a store to keep.

    Args:
        policy: The policy.
        redact: With "redacted", it takes each text after the built-in redaction, and returns the text to store.

    Attributes:
        policy: The policy that applies.
        redactors: The functions of all who opened the file, which a text goes through after the built-in redaction.
        redactor_errors: Number of texts of which nothing was stored, because their redaction failed.

    Raises:
        InvalidArgument: *redact* is not a function, or the policy is not "redacted".
        MissingPart: The policy is "redacted", and the part that redacts is not installed.
    """

    def __init__(self, policy: PayloadPolicy = "off", redact: Callable[[str], str] | None = None) -> None:
        if redact is not None and not callable(redact):
            raise InvalidArgument(
                f"redact={clip(repr(redact))}: expected a function that takes a text, or None"
            )
        if redact is not None and policy != "redacted":
            raise InvalidArgument(
                f"redact= has an effect only with payload='redacted'. Omit redact=, or replace payload={policy!r}"
            )
        if policy == "redacted":
            require("payload:redacted")
        self.policy = policy
        self.redactor_errors = 0
        self._redacts = policy == "redacted"
        self.redactors: tuple[Callable[[str], str], ...] = () if redact is None else (redact,)
        self._lock = fork_safe_lock()
        self._has_read_project = False

    def tighten(self, policy: PayloadPolicy, redactors: Sequence[Callable[[str], str]] = ()) -> None:
        """Store no more than another policy does, and apply its functions too. This includes waiting texts."""
        new = [one for one in redactors if not any(one is known for known in self.redactors)]
        self.redactors = (*self.redactors, *new)
        self.policy = stricter(self.policy, policy)
        # "second_opinion" is stricter, and it redacts no text. If two stores need both, both apply.
        self._redacts = self._redacts or policy == "redacted"

    def keeps(self, *, has_opinion: bool) -> bool:
        """Return whether texts of a call are stored. *has_opinion* is whether a second model is asked about it."""
        return self.policy != "off" and (has_opinion or self.policy != "second_opinion")

    def take(
        self, outcome: Outcome[Any], task: Prompt | None = None, *, has_opinion: bool = False
    ) -> tuple[PendingTexts, ...]:
        """Return the texts to store, one for each attempt. Empty for calls whose texts the policy does not store.

        Called before the outcome goes into the queue. The first attempt has the task.
        """
        if self.policy != "off" and not self._has_read_project:
            self._follow_project()
        if not self.keeps(has_opinion=has_opinion):
            return ()
        texts = [
            _as_it_is(attempt, None if place else task)._replace(has_opinion=has_opinion)
            for place, attempt in enumerate(outcome.attempts)
        ]
        return tuple(map(self._redacted, texts) if self._is_redacting else texts)

    @property
    def _is_redacting(self) -> bool:
        return self._redacts and self.policy in ("second_opinion", "redacted")

    def second_reply(self, text: str, key: bytes) -> bytes | None:
        """Return a second model's reply as it is stored."""
        (payload,) = self.payloads([PendingTexts(None, text, has_opinion=True)], key)
        return None if payload is None else payload.reply

    def _follow_project(self) -> None:
        """Apply `payload` and `redact` of the project, which can only tighten the policy. Store no text on an error."""
        try:
            policy, redactors = project_policy()
            self.tighten(policy)
            if redactors:
                self.tighten("redacted", redactors)
        except Exception as error:
            if is_interruption(error):
                raise
            self.policy = "off"
            _logger.warning("schema_guard stores no texts: %s", error)
        # Set last, so that until then every other thread reads the settings too. No text is stored by a weaker policy.
        self._has_read_project = True

    def payloads(self, texts: Sequence[PendingTexts], key: bytes) -> list[Payload | None]:
        """Return the stored form of texts, by the policy that applies now.

        Args:
            texts: Texts that `take` returned.
            key: Key of the hashes.
        """
        # Imported here because only a store with texts needs it.
        from schema_guard.records.payloads.texts import Payload, hashed, lost_text, packed_text, with_task

        # The policy may have become stricter since the texts were captured.
        if not self.keeps(has_opinion=texts[0].has_opinion):
            return [None] * len(texts)

        def packed(one: PendingTexts, name: str) -> bytes | None:
            text: str | None = getattr(one, name)
            if text is None:
                return lost_text(REDACTOR_ERROR) if name in one.lost else None
            if self.policy == "hash":
                return hashed(text, key)
            return packed_text(with_task(text, one.task) if name == "prompt" and one.task else text)

        if self._is_redacting:
            texts = [one if one.is_redacted else self._redacted(one) for one in texts]
        return [Payload(packed(one, "prompt"), packed(one, "reply"), one.touched) for one in texts]

    def _further(self, text: str) -> str:
        for redact in self.redactors:
            text = redact(text)
        return text

    def _redacted(self, pending: PendingTexts) -> PendingTexts:
        redacted_value = load("payload:redacted")
        texts: dict[str, Any] = {}
        touched: list[tuple[Any, ...]] = []
        lost = []
        for name in ("prompt", "reply", "task"):
            text = getattr(pending, name)
            texts[name] = None
            if text is None:
                continue
            try:
                value = text if name == "reply" else json.loads(text)
                redacted, places = redacted_value(value, further=self._further if self.redactors else None)
            except Exception as error:
                if is_interruption(error):
                    raise
                lost.append(name)
                self._failed(error)
            else:
                texts[name] = redacted if name == "reply" else _json_text(redacted)
                touched += [(name, *place) for place in places]
        return PendingTexts(
            **texts,
            touched=json.dumps(touched[:_MOST_TOUCHED]) if touched else None,
            lost=tuple(lost),
            is_redacted=True,
            has_opinion=pending.has_opinion,
        )

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self.redactor_errors += 1
            is_first = self.redactor_errors == 1
        if is_first:  # names only the type of the error, because its message may quote the text
            _logger.warning(
                "redact= raised %s, so schema_guard does not store the text", type(error).__name__
            )


def _as_it_is(attempt: Attempt, task: Prompt | None) -> PendingTexts:
    """Return the texts of an attempt. The task is included if it differs from the prompt."""
    from schema_guard.records.payloads.texts import prompt_text  # needed only to store texts

    prompt = None if attempt.prompt is None else prompt_text(attempt.prompt)
    task_text = None if task is None or task is attempt.prompt else prompt_text(task)
    return PendingTexts(prompt, attempt.reply, task=None if task_text == prompt else task_text)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def policy_of(named: object) -> PayloadPolicy:
    """Return the policy with a name. Raise `InvalidArgument` if there is none."""
    if named not in POLICIES:
        near = did_you_mean(named, POLICIES) if isinstance(named, str) else ""
        expected = ", ".join(map(repr, POLICIES[:-1]))
        raise InvalidArgument(f"payload={clip(repr(named))}: expected {expected} or {POLICIES[-1]!r}{near}")
    return named


def stricter(one: PayloadPolicy, other: PayloadPolicy) -> PayloadPolicy:
    """Return the policy that stores less."""
    return min(one, other, key=POLICIES.index)


def chars_of(outcome: Outcome[Any]) -> int:
    """Return about how many characters of text an outcome has in memory. Lists of messages are not counted."""
    chars = 0
    for attempt in outcome.attempts:
        if attempt.reply is not None:
            chars += len(attempt.reply)
        if isinstance(attempt.prompt, str):
            chars += len(attempt.prompt)
    return chars


def project_policy() -> tuple[Any, tuple[Callable[[str], str], ...]]:
    """Return the least strict policy that the project allows, and its function that redacts.

    Raises:
        InvalidArgument: A setting is wrong, or the function can't be imported.
        MissingPart: Texts are to be redacted, and the part that redacts is not installed.
    """
    policy, named = setting("payload").value or "full", setting("redact").value
    if named is not None or policy == "redacted":
        require("payload:redacted")
    return policy, () if named is None else (_function(named),)


def _function(named: str) -> Any:
    module, _, name = named.partition(":")
    try:
        found = attrgetter(name)(import_module(module))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise InvalidArgument(
            f"{place_of('redact')} = {named!r}: importing this function failed: {why}. Check the name"
        ) from error
    if not callable(found):
        raise InvalidArgument(f"{place_of('redact')} = {named!r}: expected a function that takes a text")
    return found

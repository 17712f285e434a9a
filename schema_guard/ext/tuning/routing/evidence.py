# SPDX-License-Identifier: Apache-2.0
"""Which inputs are primary, said by what was measured: segments, length, script or language.

Rules: what nobody can tell is not guessed. The script of a text is what its characters say; which language it is in
is for a function of the user's to say, for short texts of few words fool every detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from unicodedata import name as character_name

from schema_guard.errors import InvalidArgument
from schema_guard.records.identity import current_tags
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.text import clip, dataclass_repr, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.values import Prompt

__all__ = ["SCRIPTS", "Evidence", "text_of"]

# First words of the names that Unicode gives to letters (UnicodeData.txt); CJK is Han.
_HAN = "CJK"
SCRIPTS = (
    "arabic", "armenian", "bengali", "cyrillic", "devanagari", "georgian", "greek", "gujarati", "han", "hangul", "hebrew",
    "hiragana", "katakana", "latin", "tamil", "telugu", "thai",
)  # fmt: skip
"""Scripts that `Evidence(script=...)` takes."""

# A name or a unit in another script makes no other text; in a mixed one it is more.
_MOST_FOREIGN = 0.2

# Letters that are looked at: what stands behind them changes nothing, however long the input.
_MOST_LETTERS = 400


@dataclass(frozen=True, slots=True)
class Evidence:
    """Conditions on the inputs that a tuned model gets (primary inputs). All of them must hold.

    Attributes:
        segments: Segments of your traffic, from `tags(segment=...)` or `About(segment=...)`. `"(no segment)"` means
            calls without one. Default: all segments.
        input_chars: Smallest and largest number of characters of the task, with system messages. Default: any.
        script: Writing systems, named as in `SCRIPTS`. At least 80% of the first letters of the task must belong to
            one of them. A text without letters is primary. Many languages share a script, so it doesn't select a
            language. Default: any.
        language: Function that takes the task as a text. It returns whether the task is in a language for which the
            tuned model was measured. schema_guard doesn't detect languages. Default: any.
    """

    __repr__ = dataclass_repr

    segments: Sequence[str] | None = None
    input_chars: tuple[int, int] | None = None
    script: Sequence[str] | None = None
    language: Callable[[str], object] | None = None

    def __post_init__(self) -> None:
        limits = (self.segments, self.input_chars, self.script, self.language)
        if limits == (None, None, None, None):
            raise InvalidArgument(
                "Evidence(): expected segments, input_chars, script or language: nothing is said"
            )
        for name, example in (("segments", "weekly report"), ("script", "latin")):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _names(name, value, example))
        for script in self.script or ():
            if script not in SCRIPTS:
                raise InvalidArgument(
                    f"Evidence(script={clip(repr(script))}): expected one of {', '.join(SCRIPTS)}"
                    f"{did_you_mean(script, SCRIPTS)}; for a language give language="
                )
        if self.input_chars is not None and not _is_range(self.input_chars):
            raise InvalidArgument(
                f"Evidence(input_chars={clip(repr(self.input_chars))}): expected the fewest and the most characters, such "
                "as (0, 4000)"
            )
        if self.language is not None and not callable(self.language):
            raise InvalidArgument(
                f"Evidence(language={clip(repr(self.language))}): expected a function that takes a text and says whether "
                "its language is one that the tuned model was measured on; for a script give script="
            )

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> Self:
        """Return the segments that a verdict FINE_TUNE_AND_ROUTE tunes.

        Args:
            verdict: Verdict on one function, from `schema-guard decide --format json` or `Verdict.as_dict`.

        Raises:
            InvalidArgument: The value isn't a verdict, covers several functions, or names no segments.
        """
        if not isinstance(verdict, Mapping):
            raise InvalidArgument(
                f"Evidence.of: {clip(repr(verdict))}: expected what `schema-guard decide --format json` prints, read as JSON"
            )
        if "verdicts" in verdict:
            raise InvalidArgument(
                "Evidence.of: verdicts of several functions: give the one of this function, `decide --function NAME`"
            )
        tune = verdict.get("tune")
        if not isinstance(tune, list) or not tune:
            raise InvalidArgument(
                f"Evidence.of: the verdict {clip(repr(verdict.get('verdict')))} names no segments to tune: expected "
                "FINE_TUNE_AND_ROUTE; a verdict for all of the traffic needs no primary="
            )
        return cls(segments=tuple(tune))

    def holds(self, task: Prompt, segment: str | None) -> bool:
        """Return whether an input is primary.

        Args:
            task: The task of the call.
            segment: Segment of the function. `tags` overrides it.
        """
        if self.segments is not None:
            named = current_tags.get().segment or segment or NO_SEGMENT
            if named not in self.segments:
                return False
        if self.input_chars is None and self.script is None and self.language is None:
            return True
        text = text_of(task)
        if self.input_chars is not None and not self.input_chars[0] <= len(text) <= self.input_chars[1]:
            return False
        if self.script is not None and not _is_written_in(text, self.script):
            return False
        return self.language is None or bool(self.language(text))


def _names(name: str, value: Any, example: str) -> tuple[str, ...]:
    names = () if isinstance(value, str) or not hasattr(value, "__iter__") else tuple(value)
    if not names or not all(isinstance(part, str) for part in names):
        raise InvalidArgument(f"Evidence({name}={clip(repr(value))}): expected names, such as [{example!r}]")
    return names


def text_of(task: Prompt) -> str:
    """Give the text of a task; of messages the texts, a line each, without what is no text, such as images."""
    if isinstance(task, str):
        return task
    return "\n".join(text for message in task for text in _texts(message.content))


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, (list, tuple)):
        return []
    texts = (part.get("text") if isinstance(part, dict) else getattr(part, "text", None) for part in content)
    return [text for text in texts if isinstance(text, str)]


def _is_written_in(text: str, scripts: Sequence[str]) -> bool:
    letters = 0
    foreign = 0
    for character in text:
        if character.isalpha():
            letters += 1
            foreign += _script(character) not in scripts
            if letters == _MOST_LETTERS:
                break
    return foreign <= _MOST_FOREIGN * letters


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """Give the script of a letter, as the first word of its name says it."""
    first = character_name(letter, "").partition(" ")[0]
    return "han" if first == _HAN else first.lower()


def _is_range(value: Any) -> bool:
    try:
        least, most = value
    except (TypeError, ValueError):
        return False
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (least, most))
    return whole and 0 <= least <= most

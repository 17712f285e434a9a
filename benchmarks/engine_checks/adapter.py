# SPDX-License-Identifier: Apache-2.0
"""What a worker asks of an engine: one adapter for each, loaded in a process of its own.

Rules:
1. A rejected token changes nothing: the matcher stands where it stood.
2. An engine that ends at a limit of its own has not judged the text: that is `GaveUp`, never a rejection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from benchmarks.engine_checks.vocabulary import Vocabulary


# What comes of an instance, as a worker writes it.
ACCEPTED, REJECTED, GAVE_UP = "accepted", "rejected", "gave up"


class Refused(Exception):
    """The engine says that it cannot enforce a schema."""


class GaveUp(Exception):
    """The engine ended at a limit of its own and has not judged the text."""


class Matcher(Protocol):
    """A compiled schema at some point of a text."""

    def start(self) -> None:
        """Go to the beginning of a text."""

    def advance(self, token: int) -> bool:
        """Take a token; False when it is not allowed here.

        Raises:
            GaveUp: The engine ended at a limit of its own.
        """

    def may_end(self) -> bool:
        """Say whether the text may end here."""

    def mask(self) -> None:
        """Compute which tokens of the vocabulary are allowed here."""


class CompiledGrammar(NamedTuple):
    """A schema that an engine has taken.

    Attributes:
        matcher: At the beginning of a text.
        cpu_s: Processor seconds that compiling took.
    """

    matcher: Matcher
    cpu_s: float


class Adapter(Protocol):
    """An engine with a vocabulary."""

    def compile(self, schema: str) -> CompiledGrammar:
        """Compile a schema, given as JSON.

        Raises:
            Refused: The engine does not take it. Any other `Exception` counts as the same.
        """


class Loader(Protocol):
    """Gives an adapter for a vocabulary."""

    def __call__(self, vocabulary: Vocabulary) -> Adapter:
        """Load the engine."""

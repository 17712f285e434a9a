# SPDX-License-Identifier: Apache-2.0
"""llguidance: a matcher over a lexer of derivatives and an Earley parser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks.adapter import CompiledGrammar, GaveUp, Refused

if TYPE_CHECKING:
    from benchmarks.engine_checks.vocabulary import Vocabulary

# Why a matcher ended that is no word about the text.
_OWN_LIMITS = frozenset(
    {"MaxTokensTotal", "MaxTokensParser", "ParserTooComplex", "LexerTooComplex", "InternalError"}
)


class _Tokenizer:
    """The vocabulary as llguidance reads it; it also cuts texts itself, to see what it can force at once."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.eos_token_id = vocabulary.eos
        # A first byte of 0xFF marks what is no text.
        self.tokens = [token or b"\xff<%d>" % number for number, token in enumerate(vocabulary.tokens)]
        self.special_token_ids = [number for number, token in enumerate(vocabulary.tokens) if not token]

    def __call__(self, text: str | bytes) -> list[int]:
        tokens = self._vocabulary.tokens_of(text if isinstance(text, bytes) else text.encode())
        assert tokens is not None, "the vocabulary has no token for a byte of the text"
        return tokens


class _Matcher:
    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._at = compiled

    def start(self) -> None:
        # A matcher that is in error stays so, whatever it is asked: each text gets a copy.
        self._at = self._compiled.deep_copy()

    def advance(self, token: int) -> bool:
        taken = bool(self._at.try_consume_tokens([token]) == 1)
        if not taken and self._at.stop_reason() in _OWN_LIMITS:
            raise GaveUp(f"{self._at.stop_reason()}: {self._at.get_error()}")
        return taken

    def may_end(self) -> bool:
        return bool(self._at.is_accepting())

    def mask(self) -> None:
        self._at.compute_bitmask()


class _Adapter:
    def __init__(self, vocabulary: Vocabulary) -> None:
        import llguidance  # an extra, imported in the process that measures it

        self._library = llguidance
        self._tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Tokenizer(vocabulary)))

    def compile(self, schema: str) -> CompiledGrammar:
        start = time.process_time()
        matcher = self._library.LLMatcher(
            self._tokenizer, self._library.LLMatcher.grammar_from_json_schema(schema), log_level=0
        )
        cpu_s = time.process_time() - start
        if matcher.is_error():
            message = matcher.get_error()
            raise Refused(message.partition("failed to compile JSON schema: ")[2] or message)
        return CompiledGrammar(_Matcher(matcher), cpu_s)


def load(vocabulary: Vocabulary) -> _Adapter:
    """Load llguidance."""
    return _Adapter(vocabulary)

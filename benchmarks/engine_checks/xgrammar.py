# SPDX-License-Identifier: Apache-2.0
"""xgrammar: an Earley parser over compiled rules; its Python part needs torch and transformers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks.adapter import CompiledGrammar, Refused

if TYPE_CHECKING:
    from benchmarks.engine_checks.vocabulary import Vocabulary

# "[21:07:40] /path/file.cc:12: " stands before its messages: the time and the place say nothing here.
_PREFACE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")


class _Matcher:
    def __init__(self, matcher: Any, bitmask: Any) -> None:
        self._at = matcher
        self._bitmask = bitmask

    def start(self) -> None:
        self._at.reset()

    def advance(self, token: int) -> bool:
        return bool(self._at.accept_token(token))

    def may_end(self) -> bool:
        return bool(self._at.is_completed())

    def mask(self) -> None:
        self._at.fill_next_token_bitmask(self._bitmask)


class _Adapter:
    def __init__(self, vocabulary: Vocabulary, *, strict: bool) -> None:
        import xgrammar  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra

        self._library = xgrammar
        self._strict = strict
        tokens = xgrammar.TokenizerInfo(
            list(vocabulary.tokens), xgrammar.VocabType.RAW, stop_token_ids=[vocabulary.eos]
        )
        # No cache: every schema is compiled. One thread: the machine has other work.
        self._compiler = xgrammar.GrammarCompiler(tokens, max_threads=1, cache_enabled=False)
        self._bitmask = xgrammar.allocate_token_bitmask(1, tokens.vocab_size)

    def compile(self, schema: str) -> CompiledGrammar:
        start = time.process_time()
        try:
            compiled = self._compiler.compile_json_schema(schema, strict_mode=self._strict)
        except RuntimeError as error:
            raise Refused(_PREFACE.sub("", str(error))) from error
        cpu_s = time.process_time() - start
        return CompiledGrammar(_Matcher(self._library.GrammarMatcher(compiled), self._bitmask), cpu_s)


def load(vocabulary: Vocabulary) -> _Adapter:
    """Load xgrammar so that a schema means what it says."""
    return _Adapter(vocabulary, strict=False)


def load_strict(vocabulary: Vocabulary) -> _Adapter:
    """Load xgrammar as it is by default."""
    return _Adapter(vocabulary, strict=True)

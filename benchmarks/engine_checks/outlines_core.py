# SPDX-License-Identifier: Apache-2.0
"""outlines-core: the schema as one regular expression, and an index of all its states over the vocabulary."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks.adapter import CompiledGrammar

if TYPE_CHECKING:
    from benchmarks.engine_checks.vocabulary import Vocabulary

_BITS = 32


class _Matcher:
    def __init__(self, library: Any, index: Any, bitmask: Any) -> None:
        self._library = library
        self._index = index
        self._bitmask = bitmask
        self._guide = library.Guide(index)

    def start(self) -> None:
        self._guide.reset()

    def advance(self, token: int) -> bool:
        if self._index.get_next_state(self._guide.get_state(), token) is None:
            return False
        self._guide.advance(token, return_tokens=False)
        return True

    def may_end(self) -> bool:
        return bool(self._index.is_final_state(self._guide.get_state()))

    def mask(self) -> None:
        self._guide.write_mask_into(ctypes.addressof(self._bitmask), len(self._bitmask), _BITS // 8)


class _Adapter:
    def __init__(self, vocabulary: Vocabulary) -> None:
        # An extra, imported in the process that measures it.
        import outlines_core  # type: ignore[import-not-found,import-untyped,unused-ignore]
        from outlines_core import json_schema  # type: ignore[import-not-found,import-untyped,unused-ignore]

        self._library = outlines_core
        self._regex_of = json_schema.build_regex_from_schema
        ids: dict[bytes, list[int]] = {}
        for number, token in enumerate(vocabulary.tokens):
            if token:
                ids.setdefault(token, []).append(number)
        self._vocabulary = outlines_core.Vocabulary(vocabulary.eos, ids)
        self._bitmask = (ctypes.c_int32 * -(-len(vocabulary.tokens) // _BITS))()

    def compile(self, schema: str) -> CompiledGrammar:
        start = time.process_time()
        index = self._library.Index(self._regex_of(schema), self._vocabulary)
        cpu_s = time.process_time() - start
        return CompiledGrammar(_Matcher(self._library, index, self._bitmask), cpu_s)


def load(vocabulary: Vocabulary) -> _Adapter:
    """Load outlines-core."""
    return _Adapter(vocabulary)

# SPDX-License-Identifier: Apache-2.0
"""The tokens that texts are cut into: of a model's GGUF file, or single bytes.

Rules:
1. Only the header of a GGUF file is read; the weights are not touched.
2. A text is cut greedily, the longest token first. A model's own merges may cut otherwise; a grammar is about
   bytes, so what it accepts is the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip_path

# GGUF 3: the numbers of the types of metadata values, and how each is written, little endian.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
# Of token types: text that a model may write; the others are control tokens and the like.
_NORMAL = 1


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model.

    Attributes:
        tokens: The bytes of each token, by its id; `b""` for those that are no text.
        eos: Id of the token that ends a text.
        path: The GGUF file that they are from; None for single bytes.
    """

    tokens: tuple[bytes, ...]
    eos: int
    path: Path | None = None

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        """The id of each text; the first where several tokens are the same text."""
        return {token: number for number, token in reversed(list(enumerate(self.tokens))) if token}

    @cached_property
    def _longest(self) -> dict[int, int]:
        """The length of the longest token by its first byte."""
        longest: dict[int, int] = {}
        for token in self._ids:
            longest[token[0]] = max(longest.get(token[0], 0), len(token))
        return longest

    @staticmethod
    def of_bytes() -> Vocabulary:
        """Give the vocabulary of the 256 single bytes and an end."""
        return Vocabulary((*(bytes([byte]) for byte in range(256)), b""), 256)

    @staticmethod
    def of(path: Path | None) -> Vocabulary:
        """Read the vocabulary of a GGUF file; the single bytes for None.

        Raises:
            InvalidArgument: The file cannot be read, is no whole GGUF, or its vocabulary is not a byte-level one.
        """
        if path is None:
            return Vocabulary.of_bytes()
        try:
            return _read(path)
        except OSError as error:
            raise InvalidArgument(f"{clip_path(path)}: cannot be read: {error.strerror}") from error
        except (struct.error, KeyError, UnicodeDecodeError, OverflowError, MemoryError) as error:
            raise InvalidArgument(
                f"{clip_path(path)}: expected a whole GGUF file with a vocabulary ({error!r}): fetch it again"
            ) from error

    def tokens_of(self, text: bytes) -> list[int] | None:
        """Cut a text into tokens; None when it has a byte that no token begins with."""
        result, start = [], 0
        while start < len(text):
            for end in range(start + self._longest.get(text[start], 0), start, -1):
                token = self._ids.get(text[start:end])
                if token is not None:
                    result.append(token)
                    start += len(self.tokens[token])
                    break
            else:
                return None
        return result


def _read(path: Path) -> Vocabulary:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise InvalidArgument(f"{clip_path(path)}: expected a GGUF file")
        _version, _tensors, entries = struct.unpack("<IQQ", file.read(20))
        metadata = {
            _text(file).decode(): _value(file, *struct.unpack("<I", file.read(4))) for _ in range(entries)
        }
    tokenizer = metadata.get("tokenizer.ggml.model", b"none").decode()
    if tokenizer != "gpt2":
        raise InvalidArgument(
            f"{clip_path(path)}: expected a byte-level vocabulary ('gpt2'), got {tokenizer!r}: name another GGUF file"
        )
    alphabet = _byte_alphabet()
    names, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    tokens = tuple(
        bytes(alphabet[letter] for letter in name.decode()) if kind == _NORMAL else b""
        for name, kind in zip(names, types, strict=True)
    )
    return Vocabulary(tokens, metadata["tokenizer.ggml.eos_token_id"], path)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        member, count = struct.unpack("<IQ", file.read(12))
        return [_value(file, member) for _ in range(count)]
    form = "<" + _SCALARS[kind]
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _text(file: BinaryIO) -> bytes:
    (size,) = struct.unpack("<Q", file.read(8))
    return file.read(size)


def _byte_alphabet() -> dict[str, int]:
    """Give the byte that each letter of a byte-level token stands for.

    Source: the alphabet of GPT-2: printing Latin-1 characters are themselves, the other bytes follow from U+0100.
    """
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printing]
    return {chr(byte): byte for byte in printing} | {chr(256 + n): byte for n, byte in enumerate(others)}

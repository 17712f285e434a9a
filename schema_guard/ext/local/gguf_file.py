# SPDX-License-Identifier: Apache-2.0
"""The metadata and the digest of a GGUF file.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER_BASE = "schema_guard.base_sha256"
"""The field of an adapter with the SHA-256 of the weights that it was trained on, in hex."""

_MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
# The common quantizations of `general.file_type`. The name of another file has none.
_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    15: "Q4_K_M",
    17: "Q5_K_M",
    18: "Q6_K",
    32: "BF16",
}
_DIGITS = 12


def described(path: Path) -> str:
    """Return a name for the weights in a file that depends only on its content: `NAME-TYPE@DIGEST`."""
    fields = metadata(path)
    parts = [fields.get("general.basename"), fields.get("general.size_label")]
    name = "-".join(map(str, parts)) if all(parts) else str(fields.get("general.name", "gguf"))
    kind = _TYPES.get(fields.get("general.file_type", -1))
    return f"{name.replace(' ', '-')}{f'-{kind}' if kind else ''}@{digest_of(path)[:_DIGITS]}"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def metadata(path: Path) -> dict[str, Any]:
    """Return the fields of a GGUF file, without arrays. They are empty if the file has another format."""
    fields = {}
    try:
        with path.open("rb") as file:
            magic, _, _, count = struct.unpack("<4sIQQ", file.read(24))
            for _ in range(count if magic == _MAGIC else 0):
                name = _text(file)
                (kind,) = struct.unpack("<I", file.read(4))
                fields[name] = _value(file, kind)
    except (OSError, struct.error, KeyError, ValueError, OverflowError, MemoryError):
        return {}
    return {name: value for name, value in fields.items() if value is not None}


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        _skip_array(file)
        return None
    form = f"<{_SCALARS[kind]}"
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _skip_array(file: IO[bytes]) -> None:
    kind, length = struct.unpack("<IQ", file.read(12))
    if kind in _SCALARS:
        file.seek(length * struct.calcsize(f"<{_SCALARS[kind]}"), 1)
        return
    for _ in range(length):
        _value(file, kind)


def _text(file: IO[bytes]) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    content = file.read(length)
    if len(content) < length:
        raise ValueError("the file is incomplete. Download it again")
    return content.decode("utf-8", "replace")

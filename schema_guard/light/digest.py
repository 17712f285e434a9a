# SPDX-License-Identifier: Apache-2.0
"""SHA-256, as bytes and as hexadecimal digits.

`hashlib` loads OpenSSL, which is 3 ms of the 70 that a first call takes; the same function stands in a module of
the interpreter's own, where this Python has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # Python >= 3.12
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256


def hex_digest(text: str, digits: int) -> str:
    """Give the first *digits* hexadecimal digits of the SHA-256 of a text in UTF-8.

    >>> hex_digest("true", 16)
    'b5bea41b6c623f7c'
    """
    return sha256(text.encode()).hexdigest()[:digits]


def digest(text: str) -> bytes:
    """Give the 32 bytes of the SHA-256 of a text in UTF-8.

    >>> digest("true")[:4].hex()
    'b5bea41b'
    """
    return sha256(text.encode()).digest()

# SPDX-License-Identifier: Apache-2.0
"""Secrets that follow their name: `password: ...`, `"api_key": "..."`, `--token ...`, `<secret>...`, `| password | ... |`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from schema_guard.ext.redaction.kinds import SecretSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = r"(?:api|access|private|account|signing|encryption|master|auth|subscription|client|service|storage|secret|hmac)"
_NAME: Final = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret|"
    + _KEY
    + r"[_\- ]?key|token(?!s)|authorization|credentials?|connection[_\- ]?string|session[_\- ]?id|sessid|csrf|xsrf)"
    r"(?:s(?![A-Za-z])|key|value|id|token)?(?:[_\-][\w\-]{0,30}+)?+"
)
_MARKS: Final = (
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "key",
    "token",
    "authorization",
    "credential",
    "connection",
    "sessi",
    "csrf",
    "xsrf",
)

_SPACE: Final = r"(?:\s|\\[nrt])"
_BETWEEN: Final = (
    rf"(?:[\"'\\\])*_`]{{0,6}}{_SPACE}{{0,8}}+(?:=>|:=|[:=]|%3[Dd])(?:[*_]{{1,3}}(?={_SPACE}))?|>|\s{{1,4}}is\s{{1,4}})"
    rf"(?P<space>{_SPACE}{{0,24}}+)(?:[|>][+-]?{_SPACE}{{1,24}}+)?"
)
_VALUE: Final = (
    r"(?:\\\"(?P<escaped>(?:[^\"\\\r\n]|\\(?!\"))++)"
    r"|\"(?P<double>(?:[^\"\\\r\n]|\\.)++)"
    r"|'(?P<single>(?:[^'\\\r\n]|\\.)++)"
    r"|`(?P<ticked>(?:[^`\\\"\r\n]|\\[^nr\r\n])++)"
    r"|(?P<plain>[^\s\"'\\,;&{}\[\]<>`]{4,1024}+))"
)
_NAMED: Final = re.compile(rf"(?P<name>{_NAME}){_BETWEEN}{_VALUE}", re.IGNORECASE)
_OPTION: Final = re.compile(
    rf"--[\w-]{{0,20}}?(?:password|passphrase|secret|token|key)(?:=|\s{{1,4}}){_VALUE}", re.IGNORECASE
)
_WHOLE_NAME: Final = re.compile(
    rf"(?:[\w\-. ]{{0,40}}[_\-. ])?{_NAME}|[A-Za-z]{{0,40}}(?:Key|Token|Secret|Password)"
)

_LEAST: Final = 4
_LEAST_TOKEN: Final = 8
# Words that can follow such a name and aren't secrets.
_WORDS: Final = frozenset(
    [
        "null",
        "none",
        "true",
        "false",
        "required",
        "optional",
        "string",
        "text",
        "bytes",
        "integer",
        "number",
        "boolean",
        "object",
        "array",
        "undefined",
        "missing",
        "invalid",
        "empty",
        "hidden",
        "unknown",
        "bearer",
        "basic",
        "digest",
        "expired",
        "wrong",
        "incorrect",
        "correct",
        "valid",
        "needed",
    ]
)
_COUNT: Final = re.compile(r"[0-9]{1,8}\.?")
_LINE: Final = re.compile(r"(?:\\n)?+((?:[^\\\r\n]|\\(?!n))++)")
_ROW_BEGIN: Final = re.compile(r"(?:[^|]*[\"'>:])?\s*\|")
_RULE: Final = re.compile(r"[\s>\\\"']*+\|?(?:\s*+:?-{3,}+:?\s*+\|?)++[\s\\\"',r]*+")
_MARKUP: Final = " \t\r*_`\"'\\:"
_MOST_CELL_CHARS: Final = 1_024
_MOST_NAME_CHARS: Final = 80
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Digest|ApiKey)(?:\s|\\[nrt])", re.IGNORECASE)


def find_named(text: str, lowered: str) -> Iterator[SecretSpan]:
    """Yield each value that follows the name of a secret. *lowered* is the text in lower case."""
    if not any(mark in lowered for mark in _MARKS):
        return
    for pattern in (_NAMED, _OPTION):
        for match in pattern.finditer(text):
            group = match.lastgroup or "plain"
            if _is_secret(match, group):
                start, stop = match.span(group)
                yield SecretSpan(start, stop, "named_secret")
    if "|" in text:
        yield from _find_cells(text)


def _find_cells(text: str) -> Iterator[SecretSpan]:
    """Yield the secret cells of tables: those next to a cell with the name of a secret, or below one."""
    rows = [(line[1], _cells(line[1], line.start(1))) for line in _LINE.finditer(text)]
    columns: set[int] = set()
    for place, (line, row) in enumerate(rows):
        following = rows[place + 1][0] if place + 1 < len(rows) else ""
        names = {at: text[slice(*cell)] for at, cell in enumerate(row) if _is_name(text[slice(*cell)])}
        if not row:
            columns = set()
        elif "|" in following and _RULE.fullmatch(following):
            columns = set(names)
        else:
            is_row = _ROW_BEGIN.match(line) is not None
            # A pipe of commands, such as `| grep token | sort`, is not a row.
            beside = {at + 1 for at, name in names.items() if is_row or (at and " " not in name)}
            for at in sorted(columns | beside):
                if at < len(row) and _is_secret_cell(text[slice(*row[at])]):
                    yield SecretSpan(*row[at], "named_secret")


def _cells(line: str, at: int) -> list[tuple[int, int]]:
    """Return the start and the end of each cell of a table line, without spaces and markup."""
    cells = []
    for cell in line.split("|") if "|" in line else ():
        start = at + len(cell) - len(cell.lstrip(_MARKUP))
        cells.append((start, max(start, at + len(cell.rstrip(_MARKUP)))))
        at += len(cell) + 1
    return cells


def _is_name(cell: str) -> bool:
    return len(cell) <= _MOST_NAME_CHARS and is_secret_name(cell)


def _is_secret_cell(cell: str) -> bool:
    """Return whether a cell is one word that can be a secret."""
    is_word = _LEAST <= len(cell) <= _MOST_CELL_CHARS and not re.search(r"[\s\"|]", cell)
    return is_word and cell.lower() not in _WORDS and not set(cell) <= set("-:.") and not _is_name(cell)


def is_secret_name(name: str) -> bool:
    """Return whether the value of this key of an object is a secret.

    >>> is_secret_name("client_secret"), is_secret_name("apiKey"), is_secret_name("max_tokens")
    (True, True, False)
    """
    return _WHOLE_NAME.fullmatch(name) is not None or re.fullmatch(_NAME, name, re.IGNORECASE) is not None


def _is_secret(match: re.Match[str], group: str) -> bool:
    value, named = match[group], match.groupdict()
    name = (named.get("name") or "").lower()
    if value.strip(".:!?*_").lower() in _WORDS or _SCHEME.match(value):
        return False
    if group != "plain":
        return len(value) >= _LEAST and not ("token" in name and _COUNT.fullmatch(value))
    is_apart = (
        "\n" in (named.get("space") or "")
        or " is" in match[0][len(name) : match.start(group) - match.start()].lower()
    )
    if is_apart and value.strip(".:!?").isalpha():
        return False  # the first word of the next line, or of the rest of a sentence
    if "token" in name or "key" in name:
        return len(value) >= _LEAST_TOKEN and not _COUNT.fullmatch(value)
    return True

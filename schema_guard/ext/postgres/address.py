# SPDX-License-Identifier: Apache-2.0
"""The URL of a PostgreSQL store: the server, the schema in it, and the secrets.

Rules: A password never gets into a message, even in part if it was not percent-encoded. The schema's name is the only
text of the user that becomes part of a statement, and only a few characters are valid in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.text import SHORTEST_SECRET, did_you_mean

DEFAULT_SCHEMA = "schema_guard"

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PARAMETER = re.compile(r"\w+=[^&=@]*")
_SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
_WHAT = "a store in PostgreSQL"
_EXPECTED = "expected 'postgresql://USER@HOST/DATABASE'"


@dataclass(frozen=True, slots=True)
class Address:
    """The location of a store.

    Attributes:
        url: URL without its secrets.
        schema: PostgreSQL schema that has the tables.
        conninfo: Connection string for libpq.
        secrets: Texts that no message may contain.
    """

    url: str
    schema: str
    conninfo: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def error_text(self, error: object) -> str:
        """Return the text of an error, on one line and without the secrets of the URL."""
        text = " ".join(str(error).split())
        for secret in self.secrets:
            # A shorter secret can be a part of ordinary words.
            text = text.replace(secret, "***") if len(secret) >= SHORTEST_SECRET else text
        return text


@lru_cache(maxsize=1)
def driver() -> Any:
    """Return the package `psycopg`, or raise `MissingExtra` if it is not installed."""
    try:
        import psycopg  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise missing_extra(_WHAT, "psycopg", "postgres") from error
    return psycopg


@lru_cache(maxsize=64)
def parsed(url: str) -> Address:
    """Parse a URL without its durability.

    Raises:
        InvalidArgument: A character is not percent-encoded, the name of the schema is invalid, or a parameter is
            unknown to the store and to libpq.
        MissingExtra: `psycopg` is not installed.

    >>> parsed("postgres://me:hush@db:5432/app?schema=mine").url
    'postgresql://me@db:5432/app?schema=mine'
    """
    # Only the writer imports psycopg, because that takes a tenth of a second.
    if find_spec("psycopg") is None:
        raise missing_extra(_WHAT, "psycopg", "postgres")
    plain, _, query = url.partition("?")
    authority, slash, database = plain.partition("://")[2].partition("/")
    user, at, hosts = authority.rpartition("@")
    if any(mark in part for part, mark in ((user, "@"), (database, "@"), (plain, "#"), (plain, " "))):
        raise InvalidArgument(
            f"store URL: {_EXPECTED}. In the name and the password, percent-encode '@', '/', '?', '#', and ' ', "
            "as in '%40' for '@'"
        )
    parameters = _parameters(query)
    schema = parameters.pop("schema", DEFAULT_SCHEMA)
    if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
        raise InvalidArgument(
            f"schema={schema!r}: expected the name of a PostgreSQL schema with only lower-case letters, digits, and '_'"
        )
    name, colon, password = user.partition(":")
    public_parameters = {**{k: v for k, v in parameters.items() if k not in _SECRETS}, "schema": schema}
    secrets = [password, *(value for key, value in parameters.items() if key in _SECRETS)]
    return Address(
        url=_joined(f"postgresql://{name}{at}{hosts}{slash}{database}", public_parameters),
        schema=schema,
        conninfo=_joined(f"postgresql://{name}{colon}{password}{at}{hosts}{slash}{database}", parameters),
        secrets=tuple({part for secret in secrets if secret for part in (secret, unquote(secret))}),
    )


def _parameters(query: str) -> dict[str, str]:
    several = query.split("&") if query else []
    if not all(_PARAMETER.fullmatch(pair) for pair in several):
        raise InvalidArgument(f"store URL: {_EXPECTED}, with parameters such as '?sslmode=require'")
    parameters = dict(pair.split("=", 1) for pair in several)
    others = parameters.keys() - {"schema"}
    defaults = driver().pq.Conninfo.get_defaults() if others else []
    known = ["schema", *(option.keyword.decode() for option in defaults)]
    for name in sorted(others):
        if name not in known:
            near = did_you_mean(name, known)
            raise InvalidArgument(
                f"store URL: unknown parameter {name!r}. Expected 'schema', 'durability', 'payload', or a libpq parameter{near}"
            )
    return parameters


def _joined(plain: str, parameters: dict[str, str]) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{plain}?{query}" if query else plain

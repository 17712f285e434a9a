# SPDX-License-Identifier: Apache-2.0
"""What came to a host of tuning: a method, a path, and a body in JSON or as a form."""

from __future__ import annotations

import json
from email import message_from_bytes
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from schema_guard.ext.loopback.tuning.host import HostRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.loopback.http import Received

__all__ = ["TuningRequest", "read_request"]


class TuningRequest(NamedTuple):
    """A request for files, jobs or models.

    Attributes:
        method: `GET` or `POST`.
        path: Without its query.
        query: What stands in it.
        body: The JSON object, or the fields of the form that are no files.
        files: Of the form: each file's name and content.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    files: Mapping[str, tuple[str, bytes]]


def read_request(came: Received) -> TuningRequest:
    """Read a request; `HostRefusal` where its body is none."""
    kind = came.headers.get("content-type", "")
    body, files = ({}, {}) if not came.content else _body(kind, came.content)
    return TuningRequest(came.method, came.path, dict(parse_qsl(came.query)), body, files)


def _body(kind: str, content: bytes) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    if not kind.startswith("multipart/form-data"):
        try:
            document = json.loads(content)
        except ValueError as error:
            raise HostRefusal(400, "We could not parse the JSON body of your request.") from error
        return document if isinstance(document, dict) else {}, {}
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
    fields: dict[str, Any] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for part in message.get_payload():
        name = str(part.get_param("name", header="content-disposition"))  # type: ignore[union-attr]
        held = part.get_payload(decode=True)  # type: ignore[union-attr]
        file = part.get_filename()  # type: ignore[union-attr]
        if file is None:
            fields[name] = bytes(held).decode()
        else:
            files[name] = (file, bytes(held))
    return fields, files

"""Answers of fake servers to requests."""

# ruff: noqa: S310 - loopback

import json
from urllib.error import HTTPError
from urllib.request import urlopen


def answer_to(request):
    """Return the status of a request, and the message of its error."""
    try:
        with urlopen(request, timeout=10) as reply:
            return reply.status, ""
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["message"]

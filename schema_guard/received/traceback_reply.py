# SPDX-License-Identifier: Apache-2.0
"""The provider's reply behind an exception: what the function, or the SDK below it, held when its text was refused.

Rule: of all that the frames of an exception hold only objects of SDKs are looked at, for a look at anything else may do
something; and only one that has the very text is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.received.replies import read_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.received.replies import Reply

__all__ = ["CLIENTS", "frames_of", "is_of", "with_traceback_details"]

_MOST_FRAMES: Final = 200
_MOST_NAMES: Final = 100

CLIENTS: Final = frozenset(
    [
        "httpx",
        "httpx2",
        "requests",
        "aiohttp",
        "urllib3",
        "http",
        "socket",
        "ssl",
        "urllib",
        "grpc",
        "botocore",
        "boto3",
        "openai",
        "anthropic",
        "google",
        "groq",
        "mistralai",
        "cohere",
        "ollama",
        "together",
        "fireworks",
        "huggingface_hub",
        "litellm",
        "replicate",
        "websockets",
        "azure",
        "xai_sdk",
    ]
)
"""Packages that speak with providers. JSON that they cannot read is no reply, and their exceptions are the provider's."""


def is_of(kind: type, packages: frozenset[str]) -> bool:
    """Say whether a class, or one that it is made from, is of one of some packages."""
    return any(base.__module__.partition(".")[0] in packages for base in kind.__mro__)


def frames_of(error: BaseException) -> Iterator[tuple[str, dict[str, object]]]:
    """Give the package and the names of each frame that an exception went through, from where it was caught on."""
    step, seen = error.__traceback__, 0
    while step is not None and seen < _MOST_FRAMES:
        frame = step.tb_frame
        yield str(frame.f_globals.get("__name__", "")).partition(".")[0], frame.f_locals
        step, seen = step.tb_next, seen + 1


def with_traceback_details(reply: Reply, error: BaseException) -> Reply:
    """Add usage, model and finish reason to a reply of which an exception gave the text alone."""
    if not reply.text or reply.model is not None or reply.finish_reason is not None:
        return reply
    for package, names in frames_of(error):
        if package == "schema_guard":
            continue
        for value in list(names.values())[:_MOST_NAMES]:
            if not is_of(type(value), CLIENTS):
                continue
            known = read_shape(value)
            if known is not None and known.text is not None and reply.text in known.text:
                return reply._replace(
                    finish_reason=known.finish_reason,
                    usage=known.usage,
                    model=known.model,
                    refusal=known.refusal,
                )
    return reply

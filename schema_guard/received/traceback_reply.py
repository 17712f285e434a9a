# SPDX-License-Identifier: Apache-2.0
"""Frames of an exception: the reply whose text is in an exception of a function, or of an SDK below it.

Only objects of SDKs are read, because reading any other object may have side effects. An object counts only if it
contains the rejected text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.received.replies import read_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.values import Reply

_MOST_FRAMES: Final = 200
_MOST_NAMES: Final = 100

CLIENTS: Final = frozenset((
    "httpx", "httpx2", "requests", "aiohttp", "urllib3", "http", "socket", "ssl", "urllib", "grpc",
    "botocore", "boto3", "openai", "anthropic", "google", "groq", "mistralai", "cohere", "ollama",
    "together", "fireworks", "huggingface_hub", "litellm", "replicate", "websockets", "azure", "xai_sdk",
))  # fmt: skip
"""Packages that talk to providers. JSON that they can't read is no reply, and their exceptions are the provider's."""


def is_of(kind: type, packages: frozenset[str]) -> bool:
    """Return whether a class, or one of its bases, belongs to one of some packages."""
    return any(base.__module__.partition(".")[0] in packages for base in kind.__mro__)


def frames_of(error: BaseException) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the package and the variables of each frame that an exception passed, the outermost first."""
    step, seen = error.__traceback__, 0
    while step is not None and seen < _MOST_FRAMES:
        frame = step.tb_frame
        yield str(frame.f_globals.get("__name__", "")).partition(".")[0], frame.f_locals
        step, seen = step.tb_next, seen + 1


def with_traceback_details(reply: Reply, error: BaseException) -> Reply:
    """Add usage, model, and finish reason to a reply of which an exception has only the text.

    Without them, the failed calls of a function that parses its reply would cost nothing, and a reply that was cut off
    would count as invalid JSON.
    """
    if not reply.text or reply.model is not None or reply.finish_reason is not None:
        return reply
    for package, names in frames_of(error):
        for value in list(names.values())[:_MOST_NAMES] if package != "schema_guard" else ():
            known = read_shape(value) if is_of(type(value), CLIENTS) else None
            if known is not None and known.text is not None and reply.text in known.text:
                finish_reason, usage, refusal, model = known[1:5]
                return reply._replace(finish_reason=finish_reason, usage=usage, refusal=refusal, model=model)
    return reply

# SPDX-License-Identifier: Apache-2.0
"""Streams that SDKs return closed: a context manager that was not entered, and a response that holds its chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


def opened(result: Any) -> Any:
    """Return the events of a closed stream, and any other result unchanged.

    The names of their classes identify the stream managers of OpenAI's and Anthropic's SDKs and the stream responses of
    mirascope.
    """
    kind = type(result)
    if kind is str or not is_closed(result):
        return result
    if not _is_manager(kind):
        return result._chunk_iterator  # noqa: SLF001 - it has the tokens too
    return _aevents(result) if hasattr(kind, "__aenter__") else _events(result)


def is_closed(result: Any) -> bool:
    """Return whether a result is a closed stream."""
    kind = type(result)
    return _is_manager(kind) or (
        kind.__name__.endswith("StreamResponse") and hasattr(result, "_chunk_iterator")
    )


def watched(result: Any, watch: Callable[..., Any], failed: Callable[[BaseException], None]) -> Any:
    """Return a closed stream that is watched. The arguments are those of `WatchedManager`."""
    if _is_manager(type(result)):
        return WatchedManager(result, watch, failed)
    source = result._chunk_iterator  # noqa: SLF001 - all that a stream response offers reads from it
    result._chunk_iterator = watch(source, is_async=hasattr(type(source), "__anext__"))  # noqa: SLF001
    return result


def _is_manager(kind: type[Any]) -> bool:
    return kind.__name__.endswith("StreamManager")


def _events(manager: Any) -> Iterator[Any]:
    with manager as stream:
        yield from stream


async def _aevents(manager: Any) -> AsyncIterator[Any]:
    async with manager as stream:
        async for event in stream:
            yield event


class WatchedManager:
    """A stream manager whose stream is watched. The caller gets the SDK's own stream."""

    def __init__(
        self, manager: Any, watch: Callable[..., Any], failed: Callable[[BaseException], None]
    ) -> None:
        """Wrap a stream manager.

        Args:
            manager: The SDK's manager.
            watch: Returns an iterator that watches another one. Takes whether it is asynchronous (`is_async`).
            failed: Takes the exception that entering the manager raised.
        """
        self._manager, self._watch, self._failed = manager, watch, failed
        self._watched: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def __enter__(self) -> Any:
        try:
            stream = self._manager.__enter__()
        except BaseException as error:
            self._failed(error)
            raise
        return self._watch_stream(stream, is_async=False)

    def __exit__(self, *raised: object) -> Any:
        try:
            return self._manager.__exit__(*raised)
        finally:
            self._leave(raised[1])

    async def __aenter__(self) -> Any:
        try:
            stream = await self._manager.__aenter__()
        except BaseException as error:
            self._failed(error)
            raise
        return self._watch_stream(stream, is_async=True)

    async def __aexit__(self, *raised: object) -> Any:
        try:
            return await self._manager.__aexit__(*raised)
        finally:
            self._leave(raised[1])

    def _watch_stream(self, stream: Any, *, is_async: bool) -> Any:
        source = getattr(stream, "_iterator", None)
        if source is None:
            self._failed(AttributeError("the stream has no iterator to watch"))
        else:
            # All that a stream offers, such as its text or its final message, reads from here.
            self._watched = stream._iterator = self._watch(source, is_async=is_async)  # noqa: SLF001
        return stream

    def _leave(self, raised: object) -> None:
        if self._watched is not None:
            error = raised if isinstance(raised, BaseException) else GeneratorExit()
            self._watched.leave(error)

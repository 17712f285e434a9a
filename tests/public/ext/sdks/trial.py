"""Trying a case: its function is guarded and observed against a server on loopback, and the records tell what came."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import GuardFailed, guard, open_store
from tests.public.ext.sdks.case import INPUT, OUTPUT, PROMPT, VALUE, Case, Invoice

if TYPE_CHECKING:
    from schema_guard import Store


class Facts(NamedTuple):
    """What the library knew of one call.

    Attributes:
        said: Why the reply was not accepted, or that the caller got another value; None when all is well.
        usage: Whether the tokens were those of the reply; None when unknown.
        finish_reason: The same.
        model: The same.
    """

    said: str | None
    usage: bool | None
    finish_reason: bool | None
    model: bool | None

    def __str__(self) -> str:
        if self.said is not None:
            return f"no: {self.said}"
        names = {"usage": self.usage, "finish": self.finish_reason, "model": self.model}
        known = [
            name if is_right else f"wrong {name}" for name, is_right in names.items() if is_right is not None
        ]
        return "all" if all(names.values()) else " ".join(["value", *known])


def cell_of(case: Case) -> str:
    """Give what the table shows for a case; guarded and observed are told apart where they differ."""
    enforced, observed = str(facts_of(case)), str(facts_of(case, observe=True))
    return enforced if enforced == observed else f"enforced {enforced}; observed {observed}"


def facts_of(case: Case, *, observe: bool = False) -> Facts:
    """Give what the library knew of one call of a case with a valid reply."""
    with case.serving(case.said) as server, open_store("sqlite://") as store:
        made = case.make(server.url)
        guarded = guard(Invoice, observe=observe, store=store, max_attempts=1)(made)
        try:
            result = called(case, guarded if observe else guarded.outcome)
        except Exception as error:  # noqa: BLE001 - it is what the table shows
            text: str | None = type(error).__name__
        else:
            text = None if observe or _is_right(result.value) else "another value"
        store.flush(10)
        rows = list(store.attempts())
    if len(rows) != 1:
        return Facts(f"{len(rows)} attempts" if text is None else text, None, None, None)
    return _facts(case, rows[0], text)


def _is_right(value: Any) -> bool:
    # instructor gives an instance of a subclass that it makes.
    return isinstance(value, Invoice) and value.model_dump() == VALUE.model_dump()


def _facts(case: Case, row: Any, said: str | None) -> Facts:
    failed = None if row["kind"] is None else f"`{row['code']}`"
    tokens = (row["input_tokens"], row["output_tokens"])
    return Facts(
        failed or said,
        None if tokens == (None, None) else tokens == (INPUT, OUTPUT),
        None if row["finish_reason"] is None else row["finish_reason"] == case.finish_reason,
        None if row["model"] is None else row["model"] == case.model,
    )


class Failed(NamedTuple):
    """What came of a call that went wrong.

    Attributes:
        gives: What the caller gets: the name of an exception, or of what the function gives.
        observed: What the records say when it is observed.
        guarded: What is made of it when it is guarded, and two attempts are allowed.
    """

    gives: str
    observed: str
    guarded: str


def failed(case: Case) -> Failed:
    """Give what comes of a case whose server answers with something else than a valid value."""
    with case.serving(case.said) as server:
        made = case.make(server.url)
        plain = _got(case, made)
        with open_store("sqlite://") as store:
            seen = _got(case, guard(Invoice, observe=True, store=store)(made))
            tries = _tries(store)
        with open_store("sqlite://") as store:
            got = _got(case, guard(Invoice, max_attempts=2, store=store)(made))
            is_asked_again = len(_tries(store)) > len(tries)
    is_same = _named(seen) == _named(plain)
    return Failed(
        _named(plain),
        _recorded(tries) if is_same else f"returns {_named(seen)}",
        _made_of(got, plain, is_asked_again=is_asked_again),
    )


def _got(case: Case, function: Any) -> Any:
    try:
        return called(case, function)
    except Exception as error:  # noqa: BLE001 - it is what the table shows
        return error


def _named(got: Any) -> str:
    name = type(got).__name__.partition("[")[0]
    return f"`{name}`" if isinstance(got, Exception) else f"returns `{name}`"


def _tries(store: Store) -> list[Any]:
    store.flush(10)
    return list(store.attempts())


def _recorded(tries: list[Any]) -> str:
    """Give what was recorded of one call: of each of its tries, where an SDK had asked again and they were seen."""
    messages = [_kind(row) for row in tries]
    if len(messages) > 1 and len(set(messages)) == 1:
        return f"{messages[0]}, {len(messages)} times"
    return ", then ".join(messages) + (", tries unseen" if any(row["unseen"] for row in tries) else "")


def _kind(row: Any) -> str:
    if row["kind"] is None:
        return "valid"
    kind = "excluded" if row["kind"] == "transport" else row["kind"]
    return f"{kind} `{row['code']}`"


def _made_of(got: Any, plain: Any, *, is_asked_again: bool) -> str:
    times = "retried" if is_asked_again else "not retried"
    if isinstance(got, GuardFailed):
        is_said = not isinstance(plain, Exception) or type(got.__cause__) is type(plain)
        return f"{times}, `GuardFailed`" + ("" if is_said else " without its cause")
    if type(got) is type(plain) and isinstance(got, Exception):
        return "raised unchanged"
    return f"{times}, {_named(got)}"


def called(case: Case, function: Any) -> Any:
    """Call a function as the users of a case do, and give what it gave when that is over; chunks as a list."""
    result = function(PROMPT)
    if case.how in ("async", "async streamed"):
        return asyncio.run(_all_of(result))
    if type(result).__name__.endswith("Manager"):
        with result as stream:
            return list(stream)
    if hasattr(type(result), "chunk_stream"):
        return list(result.chunk_stream())
    return list(result) if hasattr(type(result), "__next__") else result


async def _all_of(result: Any) -> Any:
    if inspect.isawaitable(result):
        result = await result
    if type(result).__name__.endswith("Manager"):
        async with result as stream:
            return [chunk async for chunk in stream]
    return [chunk async for chunk in result] if hasattr(type(result), "__anext__") else result

"""Run one peer in one process: python benchmarks/peer_worker.py NAME. peers.py starts one for each peer.

The process reads commands as JSON lines from standard input, and answers each with one line of JSON on standard output.
Each adapter imports only its peer, and uses it in its documented way, with a stub instead of the network. An adapter
gets a case, and returns a function without arguments that runs it once. The first line of its docstring is printed in
the results.
"""

from __future__ import annotations

import json
import sys
from itertools import chain, cycle, repeat
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import TYPE_CHECKING, Any

from peer_cases import (
    CURRENCIES,
    GROWTH_SIZES,
    INVOICE,
    SCHEMAS,
    SHAPES,
    TASK,
    case_of,
    checked,
    corrected,
    strict_parser,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from peer_cases import Case

MAX_ATTEMPTS = 3
_SAMPLE_NS = 20_000_000
_SHAPE_SAMPLE_NS = 10_000_000
_SHAPE_RUNS = 5
# A text that takes longer than this is timed once, and no larger one is tried.
_ENOUGH_NS = 500_000_000
_SHAPE_NS = 1_500_000_000
_MEMORY_CALLS = 200
_MEMORY_NS = 4_000_000_000
_BURST = 200
_BURSTS = 12


class Cannot(Exception):  # a fact about a peer, not an error
    """The peer cannot do a case."""


def _stub(case: Case) -> Callable[[str], str]:
    """Return a model that answers at once, with the case's replies in turn."""
    replies = cycle(chain.from_iterable(case.replies))

    def answer(prompt: str) -> str:
        return next(replies)

    return answer


def _only(case: Case, *, asks_again: bool = True, extracts: bool = True, objects: bool = False) -> None:
    if case.kind == "object" and not objects:
        raise Cannot("not another case: here its stub gives the one thing that it takes")
    if case.kind == "extract" and not extracts:
        raise Cannot("has no documented function that only finds and parses")
    if case.asks_again and not asks_again:
        raise Cannot("fixes and parses; it does not ask again")


def _completion(text: str) -> Any:
    """Return a reply of the OpenAI SDK."""
    from openai.types.chat import ChatCompletion

    message = {"role": "assistant", "content": text}
    return ChatCompletion.model_validate(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-5-mini",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180},
        }
    )


def _model(name: str) -> Any:
    """Return the Pydantic model that is equivalent to a schema."""
    from typing import Annotated, Literal, Optional

    from pydantic import ConfigDict, Field, create_model

    text, closed = Annotated[str, Field(min_length=1)], ConfigDict(extra="forbid")
    positive, price = Annotated[int, Field(ge=1)], Annotated[float, Field(ge=0)]
    currency: Any = Literal[CURRENCIES]
    if name == "Invoice":
        fields = {"number": text, "customer": str, "total": price, "currency": currency, "paid": bool}
        fields["items"] = positive
    else:
        line = {
            "sku": Annotated[str, Field(min_length=4)],
            "title": str,
            "quantity": positive,
            "price": price,
        }
        line |= {"gift": bool, "tags": list[str], "note": Optional[str]}  # noqa: UP045 - as a value, in 3.11 too
        lines = create_model("Line", __config__=closed, **{key: (kind, ...) for key, kind in line.items()})
        fields = {"id": str, "customer": str, "currency": currency}
        fields["lines"] = Annotated[list[lines], Field(min_length=1)]  # type: ignore[valid-type]
    return create_model(name, __config__=closed, **{key: (kind, ...) for key, kind in fields.items()})


def _find(text: str) -> str:
    """Return the content of the fence in a text, with code that assumes a fence."""
    start = text.find("```json\n") + len("```json\n")
    return text[start : text.find("\n```", start)]


def _completions(case: Case) -> Callable[[str], Any]:
    """Return a model whose replies are the SDK's objects."""
    replies = cycle([_completion(reply) for reply in chain.from_iterable(case.replies)])

    def answer(prompt: str) -> Any:
        return next(replies)

    return answer


def _text_by_hand(case: Case) -> Callable[[str], str]:
    """Return a function that calls the model and extracts the JSON from its reply."""
    if case.kind == "object":
        answer = _completions(case)
        return lambda task: answer(task).choices[0].message.content
    stub = _stub(case)
    return (lambda task: _find(stub(task))) if case.wrapped else stub


def _by_hand(case: Case, loads: Callable[[str], Any]) -> Callable[[], Any]:
    """Return the shortest code for a case: find, parse, validate, and retry with the errors if necessary."""
    ask = _text_by_hand(case)
    if case.kind == "extract":
        return lambda: loads(ask(TASK))
    return (corrected if case.asks_again else checked)(ask, SCHEMAS[case.schema], loads)


def floor(case: Case) -> Callable[[], Any]:
    """Find and parse by hand with jiter, is_valid of jsonschema_rs; asked again with each error and its place."""
    from jiter import from_json

    return _by_hand(case, lambda text: from_json(text.encode()))


def floor_strict(case: Case) -> Callable[[], Any]:
    """The same, and refuses duplicate keys, NaN and Infinity, as schema_guard does, and caches keys alone, which is faster."""
    return _by_hand(case, strict_parser())


def floor_json(case: Case) -> Callable[[], Any]:
    """The same, with the standard library's json."""
    return _by_hand(case, json.loads)


def schema_guard(case: Case, source: Any = None, **settings: Any) -> Callable[[], Any]:
    """guard(dict)(function), store=None; extraction: judge() with the schema true."""
    from schema_guard import Schema, guard, judge

    stub: Callable[[str], Any] = _completions(case) if case.kind == "object" else _stub(case)
    if case.kind == "extract":
        anything = Schema.of(source=True)
        return lambda: judge(stub(TASK), anything).value
    settings = {"max_attempts": MAX_ATTEMPTS, "store": None, **settings}
    guarded = guard(source or SCHEMAS[case.schema], **settings)(stub)
    return lambda: guarded(TASK)


def schema_guard_pydantic(case: Case) -> Callable[[], Any]:
    """guard(Pydantic model)(function), store=None: gives the model's instance, as the next peers do."""
    _only(case, extracts=False, objects=True)
    return schema_guard(case, _model(case.schema))


def model_validate_json(case: Case) -> Callable[[], Any]:
    """The Pydantic model's own model_validate_json: the floor of what gives its instances; asked again with the error."""
    _only(case, extracts=False)
    ask, validate = _text_by_hand(case), _model(case.schema).model_validate_json
    if not case.asks_again:
        return lambda: validate(ask(TASK))

    def call() -> Any:
        prompt = TASK
        for _ in range(MAX_ATTEMPTS):
            try:
                return validate(ask(prompt))
            except ValueError as error:
                prompt = f"{TASK}\n\nYour last reply was not valid:\n{error}\nReply again with only the JSON."
        raise ValueError("not valid")

    return call


def instructor(case: Case) -> Callable[[], Any]:
    """instructor.patch(create=stub giving a ChatCompletion, JSON mode; MD_JSON where fenced), max_retries=3."""
    import instructor as peer

    if case.kind == "extract":
        _only(case, extracts=False)
    answer = _completions(case)

    def create(*_: Any, **__: Any) -> Any:
        return answer(TASK)

    mode = peer.Mode.MD_JSON if case.wrapped else peer.Mode.JSON
    patched = peer.patch(create=create, mode=mode)
    model, messages = _model(case.schema), [{"role": "user", "content": TASK}]
    return lambda: patched(
        response_model=model, max_retries=MAX_ATTEMPTS, model="gpt-5-mini", messages=messages
    )


def pydantic_ai(case: Case) -> Callable[[], Any]:
    """Agent(FunctionModel(stub), output_type=NativeOutput(model), retries=2), run in one event loop."""
    from asyncio import new_event_loop

    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    _only(case, extracts=False)
    stub = _stub(case)

    def answer(messages: Any, info: Any) -> Any:
        return ModelResponse(parts=[TextPart(stub(TASK))])

    output = NativeOutput(_model(case.schema))
    agent = Agent(FunctionModel(answer), output_type=output, retries=MAX_ATTEMPTS - 1)
    wait_for = new_event_loop().run_until_complete
    return lambda: wait_for(agent.run(TASK)).output


def langchain_core(case: Case) -> Callable[[], Any]:
    """(RunnableLambda(stub) | PydanticOutputParser(model)).invoke; with_retry asks again without a correction."""
    from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
    from langchain_core.runnables import RunnableLambda

    _only(case)
    stub = _stub(case)
    if case.kind == "extract":
        parse = JsonOutputParser().parse
        return lambda: parse(stub(TASK))

    def answer(prompt: str) -> str:
        return stub(prompt)

    sequence: Any = RunnableLambda(answer) | PydanticOutputParser(pydantic_object=_model(case.schema))
    if case.asks_again:
        sequence = sequence.with_retry(stop_after_attempt=MAX_ATTEMPTS, wait_exponential_jitter=False)
    return lambda: sequence.invoke(TASK)


def outputguard(case: Case) -> Callable[[], Any]:
    """guarded_generate(generate=stub, max_retries=2); extraction: repair(text), then json.loads."""
    import outputguard as peer

    _only(case)
    stub, schema = _stub(case), SCHEMAS[case.schema]
    if case.kind == "extract":
        return lambda: json.loads(peer.repair(stub(TASK)).text)

    def generate(prompt: str, _: Any) -> str:
        return stub(prompt)

    return lambda: (
        peer.guarded_generate(
            prompt=TASK, schema=schema, generate=generate, max_retries=MAX_ATTEMPTS - 1
        ).data
    )


def json_repair(case: Case) -> Callable[[], Any]:
    """json_repair.loads, then is_valid of jsonschema_rs."""
    import json_repair as peer

    _only(case, asks_again=False)
    return _by_hand(case._replace(wrapped=False), peer.loads)


def fast_json_repair(case: Case) -> Callable[[], Any]:
    """fast_json_repair.loads, then is_valid of jsonschema_rs."""
    import fast_json_repair as peer

    _only(case, asks_again=False)
    return _by_hand(case._replace(wrapped=False), peer.loads)


ADAPTERS: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "jiter + jsonschema_rs": floor,
    "strict floor": floor_strict,
    "json + jsonschema_rs": floor_json,
    "model_validate_json": model_validate_json,
    "schema_guard": schema_guard,
    "schema_guard, Pydantic": schema_guard_pydantic,
    "instructor": instructor,
    "pydantic-ai": pydantic_ai,
    "langchain-core": langchain_core,
    "outputguard": outputguard,
    "json_repair": json_repair,
    "fast_json_repair": fast_json_repair,
}


def _readers(name: str) -> Callable[[str], Any]:
    """Return the function with which a peer reads any text. The result can be an exception."""
    if name.startswith("schema_guard"):
        from schema_guard import Schema, judge

        schema, repair = Schema.of(INVOICE), "lossy" if "lossy" in name else "off"
        return lambda text: judge(text, schema, repair=repair)
    import importlib

    loads = importlib.import_module(name).loads

    def read(text: str) -> Any:
        try:
            return loads(text)
        except (ValueError, RecursionError) as error:
            return error

    return read


class Worker:
    """The commands of a peer's process, one method each."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls: dict[str, Callable[[], Any]] = {}
        self._loops: dict[str, int] = {}

    def prepare(self, case: str) -> dict[str, Any]:
        """Build the call of a case, check its value, and warm it up."""
        made = case_of(case)
        call = ADAPTERS[self.name](made)
        for number in range(3):
            _check(call(), made.value(number))
        self._calls[case] = call
        self._loops[case] = _loops(call, _SAMPLE_NS)
        return {"loops": self._loops[case]}

    def time(self, case: str) -> dict[str, Any]:
        """Time one sample."""
        return {"ns": _timed(self._calls[case], self._loops[case])}

    def shape(self, shape: str, reader: str) -> dict[str, Any]:
        """Time a reader on a shape at every size, or at fewer sizes if it is too slow."""
        read = _readers(reader)
        calls, loops, ns = [], [], []
        for size in GROWTH_SIZES:
            text = SHAPES[shape](size)
            calls.append(lambda text=text: read(text))
            first = _timed(calls[-1], 1)
            ns.append([first])
            loops.append(0 if first > _ENOUGH_NS else _loops(calls[-1], _SHAPE_SAMPLE_NS))
            if first > _ENOUGH_NS:
                break
        started = perf_counter_ns()
        for number in range(_SHAPE_RUNS):
            if number and perf_counter_ns() - started > _SHAPE_NS:
                break
            for call, count, runs in zip(calls, loops, ns, strict=True):
                if count:
                    runs.append(_timed(call, count))
        return {"ns": [sorted(runs[1:] or runs)[len(runs[1:] or runs) // 2] for runs in ns]}

    def store(self, path: str) -> dict[str, Any]:
        """Time the small case with and without a store, in bursts of calls. Rows are written between the bursts.

        No program calls a model 50,000 times a second, so the writer's thread is idle while calls are timed. `thread`
        is the CPU time of the calling thread. `process` includes that of the writer, with its flush.
        """
        from statistics import median

        from schema_guard import open_store

        case = case_of("small")
        with open_store(f"sqlite:///{path}") as store:
            variants = {"off": schema_guard(case), "on": schema_guard(case, store=store)}
            runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in variants}
            for _ in range(_BURSTS):
                for name, call in variants.items():
                    process, thread = process_time_ns(), thread_time_ns()
                    wall = _timed(call, _BURST, perf_counter_ns)
                    thread = thread_time_ns() - thread
                    store.flush()
                    process = process_time_ns() - process
                    runs[name].append((wall, thread / _BURST, process / _BURST))
            clocks = ("wall", "thread", "process")
            results: dict[str, Any] = {
                name: dict(zip(clocks, map(median, zip(*taken[1:], strict=True)), strict=True))
                for name, taken in runs.items()
            }
            results["lost_records"] = sum(store.counts().lost_records.values())
        return results

    def added(self, what: str, rounds: int) -> dict[str, Any]:
        """Return the cost that a guard adds to tasks, to memory while they wait, or to the chunks of a stream."""
        from peer_added import added_to_chunks, added_to_tasks, in_flight_bytes

        if what == "tasks":
            return {"ns": added_to_tasks(rounds)}
        if what == "in flight":
            return {"bytes": in_flight_bytes()}
        return {"ns": added_to_chunks(rounds, early_stop=what == "chunks, early stop")}

    def memory(self, case: str) -> dict[str, Any]:
        """Return the peak memory of the process in KiB, before its first call of a case and after many of them."""
        made = case_of(case)
        call = ADAPTERS[self.name](case_of("small"))
        call()
        before = _peak_kib()
        call = ADAPTERS[self.name](made)
        calls, started = 0, perf_counter_ns()
        while calls < _MEMORY_CALLS and perf_counter_ns() - started < _MEMORY_NS:
            call()
            calls += 1
        return {"ready_kib": before, "after_kib": _peak_kib(), "calls": calls}

    def versions(self, packages: list[str]) -> dict[str, Any]:
        """Return the versions of the packages that are installed."""
        from importlib.metadata import PackageNotFoundError, version

        results = {}
        for package in packages:
            try:
                results[package] = version(package)
            except PackageNotFoundError:
                continue
        if "schema-guard" in results:
            results["schema-guard"] += f", sources {_digest('schema_guard')}"
        return results


def _digest(package: str) -> str:
    """Return 8 hex digits that identify a working tree."""
    from hashlib import sha256
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    files = sorted(Path(spec.origin).parent.rglob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def _check(value: Any, wanted: dict[str, Any]) -> None:
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    if plain != wanted:
        raise Cannot(f"gave another value: {str(plain)[:80]}")


def _timed(call: Callable[[], Any], loops: int, clock: Callable[[], int] = process_time_ns) -> float:
    started = clock()
    for _ in repeat(None, loops):
        call()
    return (clock() - started) / loops


def _loops(call: Callable[[], Any], sample_ns: int) -> int:
    """Return the number of calls that fill a sample. The measurement is also the warm-up."""
    loops = 1
    while (taken := _timed(call, loops) * loops) < sample_ns:
        loops = max(loops + 1, min(10 * loops, round(1.1 * loops * sample_ns / max(taken, 1))))
    return loops


def _peak_kib() -> int:
    # On Linux ru_maxrss of a child begins at its parent's, so the kernel's own mark of this process is read.
    try:
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - pathlib would count in what is measured
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def ready(name: str) -> None:
    """Prepare a peer for its first call of the small case, in a process whose CPU time is measured."""
    ADAPTERS[name](case_of("small", distinct=1))


def main() -> None:
    """Answer commands until standard input ends."""
    worker, answers = Worker(sys.argv[1]), sys.stdout
    sys.stdout = sys.stderr  # a peer that prints does not break the protocol
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Cannot as reason:
            answer = {"cannot": str(reason)}
        except Exception as error:  # noqa: BLE001 - a peer may raise anything; that is why it cannot
            answer = {"cannot": f"{type(error).__name__}: {str(error).strip()[:160]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

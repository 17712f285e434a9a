"""Check that recorders of frameworks that retry record the server's true replies.

    python benchmarks/recorders_asking_again.py instructor > benchmarks/results/DATE-recorders-instructor.txt
    python benchmarks/recorders_asking_again.py pydantic_ai > benchmarks/results/DATE-recorders-pydantic-ai.txt
    python benchmarks/recorders_asking_again.py langchain > benchmarks/results/DATE-recorders-langchain.txt

Each framework must be in the environment, with openai (for langchain, with langchain-openai). The server is on
loopback. Each way makes a hundred calls. The replies are right, wrong, prose, and cut off, in an order that a seed
fixes. The server counts the requests of each call, and the verdict on each reply is known before it is sent.
"""

import asyncio
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from schema_guard.testing import serve
from tests.ext.recorders.applications import CUT, PROSE, RIGHT, WRONG, Invoice, Kept

CALLS = 100
WORTH = {RIGHT: None, WRONG: "structure", PROSE: "syntax"}
Ask = Callable[[Any], Any]


def drawn(seed: int) -> tuple[list[dict[str, Any]], list[str | None]]:
    """Return replies with different numbers of tokens, and the kind of each failure. None for a valid reply."""
    drawn = random.Random(seed).choices([RIGHT, WRONG, PROSE, CUT], [70, 15, 8, 7], k=4 * CALLS)
    lines = []
    for number, one in enumerate(drawn):
        text, finish = (one, "stop") if isinstance(one, str) else (one["text"], one["finish_reason"])
        chunks = [text[at : at + 5] for at in range(0, len(text), 5)]
        usage = {"input_tokens": 10 + number, "output_tokens": 1 + number % 50, "cached_input_tokens": 0}
        lines.append({"chunks": chunks, "finish_reason": finish, "usage": usage})
    return lines, ["truncation" if one is CUT else WORTH[one] for one in drawn]


def measured(name: str, make: Callable[[str, Kept], Ask], seed: int, is_told: bool) -> bool:
    """Record the calls of one way, print a line, and return whether all of it is right."""
    shown, worth = drawn(seed)
    stored, truth = Kept(), []
    with serve(shown) as server:
        ask = make(server.openai_url, stored)
        for _ in range(CALLS):
            before = len(server.requests)
            with suppress(Exception):  # what the framework raises when it has given up
                ask("Read this invoice.")
            truth.append(range(before, len(server.requests)))
    kinds = [[a.failure and a.failure.kind for a in one.attempts] for one in stored]
    tokens = [[a.usage[:2] for a in one.attempts] for one in stored]
    sent = [[(10 + number, 1 + number % 50) for number in call] for call in truth]
    right = kinds == [[worth[number] for number in call] for call in truth]
    known = tokens == sent if is_told else True
    failed = Counter(kind for call in kinds for kind in call if kind)
    text = ", ".join(f"{many} {kind}" for kind, many in sorted(failed.items()))
    valid = sum(worth[call[-1]] is None for call in truth)
    print(
        f"{name:<42} {sum(map(len, truth)):>5} {sum(map(len, kinds)):>9} {valid:>6} {sum(one.ok for one in stored):>9}"
        f"   {text:<44} {'yes' if right and known else 'NO'}"
    )
    return right and known


def of_instructor() -> dict[str, tuple[Callable[[str, Kept], Ask], bool]]:  # noqa: C901 - a function a way
    """Return the ways to call instructor, and whether each knows its tokens."""
    import instructor
    from openai import AsyncOpenAI, OpenAI

    from schema_guard.ext.recorders.instructor import record

    def client(url: str, kept: Kept, mode: str, kind: Any) -> Any:
        made = instructor.from_openai(
            kind(api_key="k", base_url=url, max_retries=0), mode=instructor.Mode[mode]
        )
        return record(made, store=kept)

    def way(method: str, mode: str = "TOOLS") -> Callable[[str, Kept], Ask]:
        def make(url: str, kept: Kept) -> Ask:
            create = getattr(client(url, kept, mode, OpenAI), method)
            return lambda text: list(create(**asked(text))) if "partial" in method else create(**asked(text))

        return make

    def asked(text: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": "model-x", "messages": messages, "response_model": Invoice, "max_retries": 2}

    def awaited(url: str, kept: Kept) -> Ask:
        async def go(text: str) -> Any:
            return await client(url, kept, "TOOLS", AsyncOpenAI).create(**asked(text))

        return lambda text: asyncio.run(go(text))

    def streamed(url: str, kept: Kept) -> Ask:
        async def go(text: str) -> Any:
            values = client(url, kept, "TOOLS", AsyncOpenAI).create_partial(**asked(text))
            return [value async for value in values]

        return lambda text: asyncio.run(go(text))

    return {
        **{
            f"create, {mode}": (way("create", mode), True)
            for mode in ("TOOLS", "JSON", "MD_JSON", "JSON_SCHEMA")
        },
        "create_with_completion": (way("create_with_completion"), True),
        "create, async": (awaited, True),
        # These streams don't request their tokens.
        "create_partial": (way("create_partial"), False),
        "create_partial, async": (streamed, False),
    }


def of_pydantic_ai() -> dict[str, tuple[Callable[[str, Kept], Ask], bool]]:  # noqa: C901 - a function a way
    """Return the ways to call pydantic-ai, and whether each knows its tokens."""
    import pydantic_ai
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from schema_guard.ext.recorders.pydantic_ai import capability

    def agent(url: str, kept: Kept, output: Any) -> Any:
        provider = OpenAIProvider(openai_client=AsyncOpenAI(api_key="k", base_url=url, max_retries=0))
        return pydantic_ai.Agent(
            OpenAIChatModel("model-x", provider=provider),
            output_type=output,
            retries=2,
            name="read_invoice",
            capabilities=[capability(store=kept)],
        )

    def way(output: Any, run: Callable[[Any, str], Any]) -> Callable[[str, Kept], Ask]:
        def make(url: str, kept: Kept) -> Ask:
            return lambda text: run(agent(url, kept, output), text)

        return make

    def run_sync(made: Any, text: str) -> Any:
        return made.run_sync(text)

    def run_stream(made: Any, text: str) -> Any:
        async def go() -> Any:
            async with made.run_stream(text) as result:
                return [value async for value in result.stream_output(debounce_by=None)]

        return asyncio.run(go())

    def run_events(made: Any, text: str) -> Any:
        async def go() -> Any:
            async with made.run_stream_events(text) as events:
                return [event async for event in events]

        return asyncio.run(go())

    modes = {"ToolOutput": pydantic_ai.ToolOutput, "NativeOutput": pydantic_ai.NativeOutput}
    modes["PromptedOutput"] = pydantic_ai.PromptedOutput
    return {
        **{f"run_sync, {name}": (way(mark(Invoice), run_sync), True) for name, mark in modes.items()},
        **{f"run_stream, {name}": (way(mark(Invoice), run_stream), True) for name, mark in modes.items()},
        "run_stream_events": (way(Invoice, run_events), True),
    }


def of_langchain() -> dict[str, tuple[Callable[[str, Kept], Ask], bool]]:
    """Return the ways of LangChain and its agents, and whether each knows its tokens."""
    from langchain.agents import create_agent, middleware
    from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
    from langchain_openai import ChatOpenAI

    from schema_guard.ext.recorders.langchain import LangChainRecorder
    from tests.ext.recorders import test_langchain_agents as ways

    def model(url: str) -> Any:
        return ChatOpenAI(model="model-x", api_key="k", base_url=url, max_retries=0, stream_usage=True)

    def agent(url: str, strategy: Any) -> Any:
        limit = middleware.ModelCallLimitMiddleware(run_limit=3, exit_behavior="error")
        again = middleware.ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
        chosen = [limit] if strategy is ToolStrategy else [again]
        return create_agent(model(url), [], response_format=strategy(Invoice), middleware=chosen)

    def by_agent(strategy: Any, call: Any) -> Callable[[str, Kept], Ask]:
        def make(url: str, kept: Kept) -> Ask:
            made, config = agent(url, strategy), {"callbacks": [LangChainRecorder(store=kept)]}
            return lambda text: call(made, config, {"messages": [("user", text)]})

        return make

    def by_chain(again: Callable[[Any], Any], call: Any) -> Callable[[str, Kept], Ask]:
        def make(url: str, kept: Kept) -> Ask:
            structured = model(url).with_structured_output(Invoice, method="function_calling")
            config = {"callbacks": [LangChainRecorder(store=kept)]}
            return lambda text: call(again(structured), config, text)

        return make

    def retried(chain: Any) -> Any:
        return chain.with_retry(stop_after_attempt=3, wait_exponential_jitter=False)

    calls = {"invoke": ways.whole, "ainvoke": ways.awaited, "stream": ways.streamed}
    streams = {"stream, messages": ways.messages_streamed, "astream": ways.streamed_async}
    agents = {
        f"agent, {strategy.__name__}, {name}": (by_agent(strategy, call), True)
        for strategy in (ToolStrategy, ProviderStrategy)
        for name, call in (calls | streams).items()
    }
    chains = {"with_retry": retried, "with_fallbacks": lambda chain: chain.with_fallbacks([chain, chain])}
    return agents | {
        f"{how}, {name}": (by_chain(again, calls[name]), True)
        for how, again in chains.items()
        for name in ("invoke", "ainvoke")
    }


def main(framework: str) -> None:
    """Print a line for each way of calling."""
    warnings.simplefilter("ignore")
    ways = {"instructor": of_instructor, "pydantic_ai": of_pydantic_ai, "langchain": of_langchain}[
        framework
    ]()
    print(f"{framework}: {CALLS} calls a way, up to three attempts each, by what the server answered\n")
    print(f"{'':<42} attempts          valid calls")
    print(
        f"{'way':<42} {'true':>5} {'recorded':>9} {'true':>6} {'recorded':>9}   {'recorded failures':<44} each attempt right, tokens too"
    )
    right = [measured(name, make, seed, text) for seed, (name, (make, text)) in enumerate(ways.items())]
    print(f"\n{sum(right)} of {len(right)} ways are recorded as they were")


if __name__ == "__main__":
    main(sys.argv[1])

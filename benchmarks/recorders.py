"""Check that recorders record the true failure rate, with an application of each framework and known failures.

    python benchmarks/recorders.py > benchmarks/results/DATE-recorders.txt

The script needs litellm, langchain-openai, and langchain-litellm. The server is on loopback. Each way of calling makes
a hundred calls. The replies are right, wrong, prose, and cut off, in an order that a seed fixes. The verdict on each
reply is known before it is sent.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from langchain_litellm import ChatLiteLLM

from schema_guard import flush, tags
from schema_guard.ext.recorders import litellm as recorder
from schema_guard.ext.recorders.langchain import LangChainRecorder
from tests.ext.recorders import test_langchain as langchain
from tests.ext.recorders import test_litellm as litellm
from tests.ext.recorders.applications import (
    CUT,
    INPUT,
    OUTPUT,
    PROSE,
    RIGHT,
    WRONG,
    Kept,
    kinds,
    server,
    tokens,
)

CALLS = 100
WORTH = {RIGHT: None, WRONG: "structure", PROSE: "syntax"}


def drawn(seed: int) -> tuple[list[Any], list[str | None]]:
    """Return replies, and the kind of each failure. None for a valid reply."""
    replies = random.Random(seed).choices([RIGHT, WRONG, PROSE, CUT], [82, 9, 5, 4], k=CALLS)
    return replies, ["truncation" if reply is CUT else WORTH[reply] for reply in replies]


def row(name: str, truth: list[str | None], kept: Kept, known: bool) -> bool:
    """Print a line, and return whether all of it is right."""
    right = kinds(kept) == truth and known
    counted = Counter(kinds(kept))
    failed = ", ".join(f"{many} {kind}" for kind, many in sorted(counted.items(), key=str) if kind)
    print(f"{name:<44} {truth.count(None):>4} {counted[None]:>9}   {failed:<44} {'yes' if right else 'NO'}")
    return right


def of_litellm(name: str, ask: Any, seed: int) -> bool:
    """Record the calls of one way to call litellm. Return whether the records are right."""
    replies, truth = drawn(seed)
    stored = Kept()
    recorder.install(store=stored)
    with server(replies) as served:
        if asyncio.iscoroutinefunction(ask):
            asyncio.run(litellm.extract_invoices_async(ask, served.openai_url, CALLS))
        else:
            litellm.extract_invoices(ask, served.openai_url, CALLS)
    stored.wait(CALLS)
    recorder.uninstall()
    return row(name, truth, stored, tokens(stored) == [(INPUT, OUTPUT)] * CALLS)


def of_langchain(name: str, ask: Any, method: str, seed: int) -> bool:
    """Record the calls of one way to call LangChain. Return whether the records are right."""
    replies, truth = drawn(seed)
    stored = Kept()
    config = {"callbacks": [LangChainRecorder(store=stored)], "run_name": "extract"}
    with server(replies) as served:
        langchain.extract_invoices(langchain.chain(served.openai_url, method), ask, config, CALLS)
    is_known = [known == (INPUT, OUTPUT) for known in tokens(stored)]
    # If the SDK's reader ends a stream early, the tokens never arrive.
    return row(name, truth, stored, all(is_known) or ("stream" in name and all(
        known or kind for known, kind in zip(is_known, truth, strict=True)
    )))  # fmt: skip


def main() -> None:
    """Print a line for each way of calling."""
    warnings.simplefilter("ignore")
    print(f"{CALLS} calls a way, judged by what each reply was worth when it was sent\n")
    print(
        f"{'':<44} true  recorded\n{'way':<44} valid    valid   {'recorded failures':<44} each call right, tokens too"
    )
    ways = {"whole": litellm.whole, "stream": litellm.streamed, "async": litellm.awaited}
    ways["async stream"] = litellm.streamed_async
    right = [of_litellm(f"litellm, {name}", ask, seed) for seed, (name, ask) in enumerate(ways.items())]
    ways = {"whole": langchain.whole, "stream": langchain.streamed, "async": langchain.awaited}
    ways["async stream"] = langchain.streamed_async
    right += [
        of_langchain(f"langchain, {method}, {name}", ask, method, seed)
        for method in langchain.METHODS
        for seed, (name, ask) in enumerate(ways.items())
    ]
    print(f"\n{sum(right)} of {len(right)} ways are recorded as they were\n")
    show_report()


def show_report() -> None:
    """Print the report of two functions of one schema, and of one that LangChain calls over litellm."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/records.db"
        config = {"callbacks": [LangChainRecorder(store=url)], "run_name": "read_letter"}
        recorder.install(store=url)
        for function, seed in (("read_invoice", 1), ("read_receipt", 2)):
            with server(drawn(seed)[0]) as served, tags(function=function):
                litellm.extract_invoices(litellm.whole, served.openai_url, CALLS)
        with server(drawn(3)[0]) as served:
            chat = ChatLiteLLM(model="openai/model-x", api_base=served.openai_url, api_key="k", max_retries=0)
            runnable = chat.with_structured_output(litellm.Invoice)
            ask = lambda runnable, config: runnable.invoke("Read this letter.", config=config)  # noqa: E731
            langchain.extract_invoices(runnable, ask, config, CALLS)
        time.sleep(1)  # litellm tells of calls in a thread of its own
        flush()
        recorder.uninstall()
        command = [sys.executable, "-m", "schema_guard", "report", "--store", url]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    main()

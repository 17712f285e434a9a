"""Of forty calls, every second one fails: the records of each way of calling agree with the server's own log."""

import contextlib

import pytest

from schema_guard import guard, open_store
from schema_guard.testing import ScriptedModel, serve
from tests.public.ext.sdks.case import BAD, GOOD, INPUT, OUTPUT, WRONG, Invoice, serve_openai
from tests.public.ext.sdks.table import installed, sdks
from tests.public.ext.sdks.trial import called

CASES = [
    case for sdk in sdks() for case in sdk.failures if case.said is WRONG and case.serving is serve_openai
]
CALLS = 40


def rates(case):
    absent = pytest.mark.skipif(installed(case.sdk) is None, reason=f"{case.sdk} is not installed here")
    return pytest.param(case, marks=absent, id=case.id)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what SDKs warn of among themselves
@pytest.mark.parametrize("case", [rates(case) for case in CASES])
def test_counts_what_the_server_sent(case):
    """Every request is one recorded attempt, every failure is a failed one, and no call is excluded."""
    usage = {"input_tokens": INPUT, "output_tokens": OUTPUT}
    script = ScriptedModel([{"reply": text, "usage": usage} for text in (GOOD, BAD)], cycle=True)
    with serve(script) as server, open_store("sqlite://") as store:
        observed = guard(Invoice, observe=True, store=store)(case.make(server.url))
        for _ in range(CALLS):
            with contextlib.suppress(Exception):
                called(case, observed)
        store.flush(10)
        rows = list(store.attempts())
        sent = len(server.requests)

    assert len(rows) == sent
    assert sum(row["kind"] is None for row in rows) == (sent + 1) // 2
    assert not any(row["kind"] == "transport" for row in rows)

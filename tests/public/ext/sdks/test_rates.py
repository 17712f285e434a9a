"""Every second call of forty fails, and the records of each way of calling agree with the server's log."""

import contextlib

import pytest

from schema_guard import guard, open_store
from schema_guard.testing import serve
from tests.public.ext.sdks.case import BAD, GOOD, WRONG, Invoice, serve_openai
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
    """Half of the calls fail, none is excluded, and each request is an attempt unless the records say `unseen`."""
    said = {}
    with serve(lambda prompt: said["reply"]) as server, open_store("sqlite://") as store:
        observed = guard(Invoice, observe=True, store=store)(case.make(server.url))
        for index in range(CALLS):
            said["reply"] = BAD if index % 2 else GOOD
            with contextlib.suppress(Exception):
                called(case, observed)
        store.flush(10)
        rows = list(store.attempts())
        sent = len(server.requests)

    assert not any(row["kind"] == "transport" for row in rows)
    failed = {row["call_id"] for row in rows if row["kind"] is not None}
    assert len({row["call_id"] for row in rows}) == CALLS
    assert len(failed) == CALLS // 2
    assert len(rows) == sent or any(row["unseen"] for row in rows)

"""Facts about schemas that are sent by the providers' own packages to servers that refuse what the providers refuse.

Where a package is not installed its cases are skipped.
"""

import asyncio

import pytest

from benchmarks.provider_refusals import refuse
from benchmarks.wire_schemas import cases, converting, sent
from schema_guard import guard, open_store
from schema_guard.testing import serve
from tests.ext.loopback import planted
from tests.public.ext.sdks.case import HOWS
from tests.public.ext.sdks.wire_calls import APIS, connected, function_of, row_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# By whom each table of planted schemas is tried: what is planted in a name or a number of tools is no schema.
TABLES = {
    "chat": planted.OPENAI,
    "responses": planted.OPENAI,
    "messages": planted.ANTHROPIC,
    "contents": planted.GEMINI,
}
PLANTED = [
    (api, rule)
    for api, table in TABLES.items()
    for rule in table
    if not rule.endswith(("-name", "-tools"))
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with serve(lambda _: '{"v": "a"}', faults=refuse) as running:
        yield running


@pytest.mark.parametrize("way", HOWS)
@pytest.mark.parametrize(("api", "rule"), PLANTED)
def test_a_planted_schema_is_refused_through_the_package(server, api, rule, way):
    """The package raises its own error with status 400 and the provider's words; the record says that the call failed."""
    row = row_of(api)
    schema, words = TABLES[api][rule]

    with open_store("sqlite://") as store:
        ask = guard({}, store=store, max_attempts=2)(function_of(row, server, way, **row.strict(schema)))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
            asyncio.run(ask("t")) if "async" in way else ask("t")
        store.flush(10)
        [attempt] = store.attempts()

    status = getattr(caught.value, "status_code", None) or getattr(caught.value, "code", None)
    assert (status, attempt["kind"], attempt["code"]) == (400, "transport", "provider_error")
    assert words.partition(": ")[2][:40] in str(caught.value).replace("\\'", "'").replace('\\"', '"').replace(
        "\\\\", "\\"
    )


@pytest.mark.parametrize("way", HOWS)
@pytest.mark.parametrize("api", APIS)
def test_a_schema_that_the_provider_takes_is_answered(server, api, way):
    """A strict format without fault gives the value, in every way."""
    row = row_of(api)
    ask = function_of(row, server, way, **row.strict(planted.of(planted.TEXT)))
    guarded = guard(planted.of(planted.TEXT), store=None)(ask)

    assert (asyncio.run(guarded("t")) if "async" in way else guarded("t")) == {"v": "a"}


@pytest.mark.parametrize("api", APIS)
def test_the_packages_own_converters_do_not_reach_everything(server, api):
    """Of the Pydantic models of the benchmark some are refused as the package itself converts them."""
    client = connected(row_of(api), server)

    refused = sent(server, converting(api, client)).refused

    assert 0 < len(refused) < len([case for case in cases() if case.model is not None])

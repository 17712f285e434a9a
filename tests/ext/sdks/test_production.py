"""Functions of production code that parse by themselves, observed: what they fail is what is shown."""

import json

import pytest

from schema_guard import guard, open_store
from schema_guard.testing import serve
from tests.public.commands.command_lines import run
from tests.public.ext.sdks import instructor_calls, openai_calls
from tests.public.ext.sdks.case import BAD, GOOD, VALUE, Invoice
from tests.public.ext.sdks.table import installed

CALLS = 300

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def every_second(wrong):
    """Give a model that answers tasks of odd numbers with something wrong."""

    def reply(prompt):
        number = int(prompt.partition("Invoice ")[2].partition(".")[0])
        return wrong if number % 2 else GOOD

    return reply


CASES = [
    pytest.param("openai", openai_calls.parsed, BAD, "ValidationError", id="parse"),
    pytest.param(
        "openai", openai_calls.loaded_and_made, "There is none.", "JSONDecodeError", id="json.loads"
    ),
    pytest.param("instructor", instructor_calls.create, BAD, "InstructorRetryException", id="instructor"),
]


@pytest.mark.parametrize(("sdk", "make", "wrong", "error"), CASES)
def test_half_of_the_calls_fail_and_that_is_shown(sdk, make, wrong, error, tmp_path, capsys):
    """Of 300 observed calls 150 raise as they did before; report and watch say 150 of 300."""
    if installed(sdk) is None:
        pytest.skip(f"{sdk} is not installed here")
    url = f"sqlite:///{tmp_path}/records.db"

    with serve(every_second(wrong)) as server, open_store(url) as store:
        extract = guard(Invoice, observe=True, store=store)(make(server.url))
        raised = [name_of_error(extract, f"Invoice {number}.") for number in range(CALLS)]

    assert raised == [None, error] * (CALLS // 2)
    _, out, _ = run(capsys, "report", "--store", url, "--format", "json")
    (group,) = json.loads(out)["groups"]
    failed = group["failed"]
    assert (failed["count"], failed["n"], failed["rate"]) == (CALLS // 2, CALLS, 0.5)
    status, line, _ = run(capsys, "watch", "--store", url, "--max-failure-rate", "0.1")
    assert (status, line[:6]) == (1, "BREACH")
    assert f"{CALLS // 2} of {CALLS}" in line


def name_of_error(function, prompt):
    """Call a function, and give the name of what it raised; None when it gave a value."""
    try:
        value = function(prompt)
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked
        return type(error).__name__
    assert value.model_dump() == VALUE.model_dump()
    return None

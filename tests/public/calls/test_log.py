"""The lines that the logger `schema_guard` has about calls."""

import logging

import pytest

from schema_guard import GuardFailed, guard, open_store

SCHEMA = {
    "title": "Order",
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}, "lines": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}
BAD, GOOD = '{"total": "canary"}', '{"total": 1}'


def function_of(replies, **settings):
    replies = iter(replies)
    return guard(SCHEMA, name="shop.read", **settings)(lambda prompt: next(replies))


@pytest.fixture(params=[True, False], ids=["stored", "without_store"])
def store(request):
    if not request.param:
        yield None
        return
    with open_store("sqlite://") as opened:
        yield opened


def messages(caplog, level="INFO"):
    at_least = logging.getLevelName(level)
    return [one.getMessage() for one in caplog.records if one.levelno >= at_least and "stored" not in one.msg]


def test_logs_retries_and_the_failed_call(caplog, store):
    """The lines name the function, the attempt, the kind, and the place."""
    caplog.set_level("INFO", "schema_guard")

    with pytest.raises(GuardFailed):
        function_of([BAD, "canary"], max_attempts=2, store=store)("canary")

    assert messages(caplog) == [
        "shop.read: attempt 1 failed, and schema_guard retried: structure at /total (type)",
        "shop.read: the call failed after 2 attempts: syntax (no_json)",
    ]


def test_logs_a_valid_retry_at_debug(caplog, store):
    """Such a call is no problem."""
    caplog.set_level("DEBUG", "schema_guard")

    function_of([BAD, GOOD], store=store)("canary")

    assert messages(caplog, "DEBUG")[1:] == ["shop.read: attempt 2 was valid"]
    assert len(messages(caplog, "INFO")) == 1


def test_logs_nothing_about_a_call_that_is_valid_first_time(caplog, store):
    """Most calls are that."""
    caplog.set_level("INFO", "schema_guard")

    function_of([GOOD], store=store)("canary")

    assert caplog.records == []


def test_logs_the_type_of_an_exception_and_not_its_text(caplog, store):
    """An exception can quote a prompt."""
    caplog.set_level("INFO", "schema_guard")

    def fails(prompt):
        raise TimeoutError(prompt)

    with pytest.raises(TimeoutError):
        guard(SCHEMA, name="shop.fetch", store=store)(fails)("canary")

    assert messages(caplog) == ["shop.fetch: the call failed after 1 attempt: transport (TimeoutError)"]


def test_no_field_has_a_value_or_an_undeclared_key(caplog, store):
    """A model wrote both."""
    caplog.set_level("INFO", "schema_guard")
    replies = [BAD, '{"total": 1, "canary": 2}', '{"total": 1, "lines": ["canary", 3]}']

    with pytest.raises(GuardFailed):
        function_of(replies, store=store)("canary")

    assert "canary" not in repr([vars(record) for record in caplog.records])
    assert [record.guard_place for record in caplog.records] == ["/total", "", "/lines/*"]


def test_the_fields_are_those_of_the_call(caplog):
    """A log system filters by them."""
    caplog.set_level("INFO", "schema_guard")
    with open_store("sqlite://") as store:
        outcome = function_of([BAD], max_attempts=1, store=store).outcome("x")

    fields = {name: value for name, value in vars(caplog.records[0]).items() if name.startswith("guard_")}
    assert fields == {
        "guard_event": "failed", "guard_function": "shop.read", "guard_schema": "Order", "guard_call": outcome.call.id,
        "guard_attempt": 1, "guard_kind": "structure", "guard_code": "type", "guard_place": "/total",
        "guard_model": None, "guard_seconds": outcome.elapsed_s,
    }  # fmt: skip


def test_a_silent_log_takes_no_outcome_without_a_store(caplog):
    """A call that nobody records or logs makes nothing for either."""
    caplog.set_level("WARNING", "schema_guard")

    function_of([BAD, GOOD], store=None)("x")

    assert caplog.records == []

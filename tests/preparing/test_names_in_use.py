"""No lock is held while code of somebody else runs."""

import logging
import threading

from schema_guard import Schema, guard


def asked_twice():
    """Make two functions of one name whose code differs."""
    for text in ("1", "2"):
        guard({"type": "integer"}, name="names in use")(eval(f"lambda prompt: '{text}' + '{text}'"))  # noqa: S307 - other code


def test_log_handler_may_wait_for_a_thread_that_guards(caplog):
    """The warning of a name that two functions have is logged without the lock."""

    def other():
        guard({"type": "integer"}, name="another name")(lambda prompt: "1")

    def wait(record):
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        thread.join(5.0)
        waited.append(thread.is_alive())
        return True

    waited = []
    logger = logging.getLogger("schema_guard")
    logger.addFilter(wait)
    try:
        asked_twice()
    finally:
        logger.removeFilter(wait)

    assert waited == [False]


def test_type_may_load_a_schema_while_it_is_described():
    """A hook of Pydantic's that loads another schema doesn't wait for itself."""

    class Inner:
        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            loaded.append(Schema.of(list[int]).document)
            return handler.generate_schema(int)

    loaded = []
    thread = threading.Thread(target=lambda: loaded.append(Schema.of(Inner).document), daemon=True)
    thread.start()
    thread.join(5.0)

    assert loaded == [{"items": {"type": "integer"}, "type": "array"}, {"type": "integer"}]

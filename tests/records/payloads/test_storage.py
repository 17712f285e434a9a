import zlib

import pytest

from schema_guard.records.payloads.storage import TextStorage
from tests.needs import marked
from tests.public.records.outcomes import outcome

SECRET, MAIL = "hunter2xyz", "ann@corp.com"
POLICIES = ["off", "hash", "redacted"]


@pytest.mark.parametrize("policy", marked(POLICIES, "redaction", "redacted".__eq__))
def test_texts_that_wait_are_stored_by_the_policy_of_whoever_opened_the_file_since(policy):
    """A text that waits for the writer is not stored if somebody opens the file with a stricter policy."""
    keeper = TextStorage("full")
    waiting = keeper.take(outcome({"prompt": f"mail {MAIL}", "reply": f"password: {SECRET} {MAIL}"}))

    keeper.tighten(policy)
    stored = keeper.payloads(waiting, b"key")

    texts = [text for one in stored if one is not None for text in one[:2]]
    assert len(texts) == (0 if policy == "off" else 2)
    assert not [text for text in texts if MAIL.encode() in _plain(text)]


def _plain(stored):
    """Return the stored bytes, without their compression."""
    for cut in range(3):
        try:
            return zlib.decompress(stored[cut:])
        except zlib.error:
            continue
    return stored

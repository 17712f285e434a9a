"""The tests of redaction make every kind of credential and personal data."""

from schema_guard.ext.redaction.kinds import MARKED
from schema_guard.ext.redaction.personal_data import NUMBERS
from tests.public.ext.redaction.test_kinds import AROUND, SECRETS


def test_every_kind_is_tried():
    """A kind that no test makes would pass unseen."""
    known = {kind.name for kind in (*MARKED, *NUMBERS)} | {"email", "card", "iban", "named_secret"}

    assert known == SECRETS.keys() | AROUND.keys() | {"named_secret"}
    assert len(known) >= 22

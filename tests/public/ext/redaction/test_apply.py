"""Where something was taken out, values, the caller's own function, and the time that it takes."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.redaction import Redacted, RedactedPlace, redact, redacted, redacted_value
from tests.thinned import costly

EMAIL = "ann@corp.com"


def test_places_are_those_of_the_redacted_text():
    """Each place is where what stands there now begins and ends."""
    left, places = redacted(f"from {EMAIL} with ghp_{'a1' * 18} to {EMAIL}")

    assert left == "from redacted@example.com with [redacted] to redacted@example.com"
    assert [left[place.start : place.stop] for place in places] == [
        "redacted@example.com",
        "[redacted]",
        "redacted@example.com",
    ]
    assert [place.kind for place in places] == ["email", "github_token", "email"]


def test_credentials_alone_can_be_taken_out():
    """Without `personal` what is about a person stays."""
    assert redact(f"{EMAIL} 123-45-6789 sk-{'a1' * 12}", personal=False) == f"{EMAIL} 123-45-6789 [redacted]"


def test_personal_data_of_values_can_stay():
    """Without `personal`, `redacted` and `redacted_value` leave personal data and remove credentials."""
    text = f"{EMAIL} sk-{'a1' * 12}"

    assert redacted(text, personal=False).value == f"{EMAIL} [redacted]"
    assert redacted_value({"a": [text]}, personal=False).value == {"a": [f"{EMAIL} [redacted]"]}
    assert redacted_value({"a": [text]}).value == {"a": ["redacted@example.com [redacted]"]}


def test_json_stays_json():
    """A secret behind an escape leaves the escape whole."""
    text = json.dumps({"note": f"mail\n{EMAIL}\tghp_{'a1' * 18}", "password": 'hunter "2"', "u": "\u00e4"})

    assert json.loads(redact(text)) == {
        "note": "mail\nredacted@example.com\t[redacted]",
        "password": "[redacted]",
        "u": "ä",
    }


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=4))
def test_any_json_stays_json(value):
    """Whatever texts are in it, and the address is gone."""
    document = json.loads(redact(json.dumps({**value, "mail": f"x\n{EMAIL}"})))

    assert document["mail"] == "x\nredacted@example.com"


def test_values_are_redacted_by_their_texts_and_names():
    """Texts at any depth, keys of objects, and whole what stands under a secret's name; the value is not changed."""
    value = {"a/b": [1, {"content": EMAIL}], "client_secret": "any thing", EMAIL: None, "max_tokens": "many"}

    assert redacted_value(value) == Redacted(
        {
            "a/b": [1, {"content": "redacted@example.com"}],
            "client_secret": "[redacted]",
            "redacted@example.com": None,
            "max_tokens": "many",
        },
        (
            RedactedPlace("/a~1b/1/content", "email", 0, 20),
            RedactedPlace("/client_secret", "named_secret", 0, 10),
            RedactedPlace("", "email", 0, 20),
        ),
    )
    assert len(value["client_secret"]) == len("any thing")


def test_a_function_of_the_callers_goes_last():
    """What it changes is a place of its own, and the places behind it move."""
    left = redacted(f"{EMAIL}: project Falcon, {EMAIL}", further=lambda text: text.replace("Falcon", "X"))

    assert left == Redacted(
        "redacted@example.com: project X, redacted@example.com",
        (
            RedactedPlace("", "email", 0, 20),
            RedactedPlace("", "redact", 30, 31),
            RedactedPlace("", "email", 33, 53),
        ),
    )


def test_a_function_that_gives_no_text_is_an_error():
    """None would be stored as a text otherwise."""
    with pytest.raises(TypeError, match="redact: expected your function to return a str, got NoneType"):
        redacted("a", further=lambda text: None)


HOSTILE = [
    "eyJ", "-eyJ", "eyJa.", "a@", "a@a.", "@", "%40", "://", "://a:", "password=", 'password="', "password='x\"",
    "secret_", "token token=", "Bearer ", "cookie: a", "cookie: a=b;\n ", "-----BEGIN PRIVATE KEY-----", "BEGIN ",
    "4", "4 ", "42\n", "4242 4242 ", "+1 ", "0100 ", "415-", "DE89 ", "DE89", "SG.", "sk-", "sk-a\n", "ghp_\n", "AKIA",
    "a", "\\", "\\n", "\n", "\\\\n", " ", "%20", "%", "<secret>", "--key ", "phone: 1", "-", "_", "a.", "key is ",
    "xoxb-", "0:AA", "AccountKey=", "hooks.slack.com/", "dp.pt.", "[redacted]", "ä", "1.", "ssn: ",
    "\\u0040", "\\\\u0040", "a\\u002e", "\\/", "|", "| token ", "| token |\n|---|\n", "---|", "`", "**key:** `", "4242.", "4\t", "\u200b",
    "\u202f4", "%E2%80%AF", "@a.", "@test.",
]  # fmt: skip


@pytest.mark.parametrize("piece", costly(HOSTILE, 4))
def test_a_hostile_text_takes_linear_time(piece):
    """Twelve times the text takes about twelve times as long, whatever is repeated in it."""

    def seconds(size):
        text = (piece * size)[:size]
        begun = time.process_time()
        redacted(text)
        return time.process_time() - begun

    short = min(seconds(1_000) for _ in range(2))
    assert min(seconds(12_000) for _ in range(2)) < 36 * short + 0.01

"""Every form of the values that the page on privacy names: separators, escapes, and the marks around a name."""

import datetime as dt
import json
import random
import re

import pytest

from schema_guard.ext.redaction import REDACTED_EMAIL, redact

# What separates groups of digits, as people, mail programs, and models write it.
SEPARATORS = {
    "space": " ",
    "hyphen": "-",
    "no-break space": "\u00a0",
    "narrow space": "\u202f",
    "thin space": "\u2009",
    "no-break hyphen": "\u2011",
    "dash": "\u2013",
    "point": ".",
}
NUMBERS = {
    "phone": ["+49", "30", "901820"],
    "card": ["4242", "4242", "4242", "4242"],
    "iban": ["DE89", "3704", "0044", "0532", "0130", "00"],
}
ADDRESS = "ann@corp.com"
VALUE = "hunter2x"


def _escaped(text):
    return "".join(f"\\u{ord(char):04x}" for char in text)


def _escaped_marks(text):
    return "".join(char if char.isascii() and char.isalnum() else _escaped(char) for char in text)


def _in_url(text):
    return "".join(
        char if char.isalnum() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text
    )


ESCAPES = {
    "none": lambda text: text,
    "marks": _escaped_marks,
    "all": _escaped,
    "twice": lambda text: _escaped_marks(text).replace("\\", "\\\\"),
    "upper": lambda text: _escaped_marks(text).upper().replace("\\U", "\\u"),
    "url": _in_url,
}
# How a value stands behind its name.
NAMINGS = {
    "colon": "{name}: {value}",
    "equals sign": "{name}={value}",
    "JSON": '{{"{name}": "{value}"}}',
    "JSON in JSON": '"{{\\"{name}\\": \\"{value}\\"}}"',
    "YAML": "'{name}': '{value}'",
    "tag": "<{name}>{value}</{name}>",
    "bold": "**{name}:** {value}",
    "bold name": "**{name}**: {value}",
    "code": "`{name}`: `{value}`",
    "table": "| {name} | {value} |",
    "table with marks": "| **{name}** | `{value}` |",
    "column": "| user | {name} |\n|---|:---:|\n| ann | {value} |",
}


def _forms():
    """Yield the name of each form, its text, and the parts that must be removed."""
    for kind, groups in NUMBERS.items():
        for separator, char in SEPARATORS.items():
            for escape in ("none", "marks"):
                yield f"{kind}, {separator}, {escape}", ESCAPES[escape](char.join(groups)), groups[-2:]
    for escape, write in ESCAPES.items():
        yield f"email, {escape}", write(ADDRESS), ["corp"]
    for naming, form in NAMINGS.items():
        yield f"password, {naming}", form.format(name="Password", value=VALUE), [VALUE]
    for name in ("ssn", "social_security_number", "socialSecurityNumber", "Social Security Number"):
        for naming in ("colon", "bold"):
            yield f"{name}, {naming}", NAMINGS[naming].format(name=name, value="536221234"), ["1234"]
    yield "ssn, JSON number", '{"social_security_number": 536221234}', ["1234"]
    yield "ssn, table", "| ssn | 536221234 |", ["1234"]
    yield "ssn, no-break hyphen", "536\u201122\u20111234", ["1234"]
    yield "ssn, escaped", "536\\u201122\\u20111234", ["1234"]
    yield "phone, bold", "**Phone:** 030901820", ["901820"]
    yield "phone, table", "| phone | 030901820 |", ["901820"]


FORMS = {name: (text, parts) for name, text, parts in _forms()}


def test_the_grammar_has_eighty_forms():
    """A change of the grammar loses no form unseen."""
    assert len(FORMS) == 80


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_redacted(name):
    """Nothing is left that tells the value, alone, in prose, and in a JSON string."""
    text, parts = FORMS[name]
    for around in (text, f"It is\n{text}\nthat is all.", json.dumps({"note": text, "n": 1})):
        left = redact(around)

        assert [part for part in parts if part in left] == [], left


@pytest.mark.parametrize("name", FORMS)
def test_a_json_string_with_any_form_stays_json(name):
    """A replacement never begins or ends inside an escape, and never crosses the end of a string."""
    document = {"before": "a\\", "note": FORMS[name][0], "after": 'b"\u00e4', "n": 1}

    left = json.loads(redact(json.dumps(document)))

    assert {**left, "note": ""} == {**document, "note": ""}


def _drawn(draw):
    """Return a text with a drawn form, and the parts that must be removed."""
    kind = draw.choice([*NUMBERS, "email", "ssn", "password"])
    if kind in NUMBERS:
        groups = list(NUMBERS[kind])
        if kind == "phone":
            groups = [f"+{draw.randrange(1, 99)}", *(str(draw.randrange(100, 9_999)) for _ in range(3))]
        value = draw.choice(
            [*SEPARATORS.values(), "/", "_", "\t", " - "] if kind != "phone" else [*SEPARATORS.values(), "/"]
        )
        value = value.join(groups)
    elif kind == "email":
        host = draw.choice(["test.de", "mail.test.io", "example-shop.de", "corp.co.uk", "invalid.org"])
        value = f"{draw.choice(['ann', 'a.b+c', 'x_1'])}@{host}"
    elif kind == "ssn":
        value = draw.choice(["-", " ", "\u2011", "\u202f"]).join(
            ["536", "22", str(draw.randrange(1_000, 9_999))]
        )
    else:
        value = "".join(draw.choices("abcdefghkmXYZ", k=8)) + str(draw.randrange(10, 99))
    escape = draw.choice(["none"] if kind == "password" else list(ESCAPES))
    written = ESCAPES[escape](value)
    if kind == "password" or (escape == "none" and draw.random() < 0.3 and "\t" not in value):
        name = "Password" if kind == "password" else "Value"
        written = draw.choice(list(NAMINGS.values())).format(name=name, value=written)
    text = draw.choice(["{}", "see {} now", "first\n{}\nlast", "({})"]).format(written)
    parts = [written, value, max(re.findall(r"[A-Za-z0-9]+", value), key=len)]
    return (json.dumps({"note": text}) if draw.random() < 0.5 else text), parts


@pytest.mark.costly
def test_two_hundred_forms_of_the_day_are_redacted():
    """Each day draws other forms; a failure names the seed that draws them again."""
    seed = dt.datetime.now(tz=dt.UTC).date().isoformat()
    draw = random.Random(seed)
    passed = []
    for _ in range(200):
        text, parts = _drawn(draw)
        left = redact(text).replace(REDACTED_EMAIL, "")
        if any(part in left or json.dumps(part)[1:-1] in left for part in parts):
            passed.append((text, left))

    assert passed == [], f"seed {seed!r}"

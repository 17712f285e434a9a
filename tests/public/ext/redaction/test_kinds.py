"""No secret of any kind passes, wherever it stands."""

import json
import re
import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_guard.ext.redaction import redact, redacted
from tests.thinned import costly

# There are hundreds of pairs of a kind and a place: a few examples each, and as many more as the profile asks for.
few = settings(max_examples=max(4, settings.default.max_examples // 12))

ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "_-"
HEX = "0123456789abcdef"


def chars(alphabet, least, most=None):
    return st.text(alphabet, min_size=least, max_size=most or least)


def after(prefix, alphabet, least, most=None):
    return chars(alphabet, least, most).map(lambda rest: prefix + rest)


def _with_luhn(digits):
    doubled = [sum(divmod(2 * int(d), 10)) for d in digits[::-2]]
    return digits + str(-(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10)


def _iban(account):
    number = int("".join(str(int(c, 36)) for c in f"{account}DE00"))
    return f"DE{98 - number % 97:02}{account}"


def _groups(text, size=4):
    return " ".join(text[at : at + size] for at in range(0, len(text), size))


def _pem(body):
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


cards = st.builds(
    lambda begin, rest: _with_luhn(begin + rest), st.sampled_from(["4", "51", "55"]), chars("0123456789", 14)
).map(lambda digits: _with_luhn(digits[:15]))
ssns = st.builds("{:03}-{:02}-{:04}".format, st.integers(1, 665), st.integers(1, 99), st.integers(1, 9999))
phones = st.one_of(
    st.builds("+{} {} {}".format, st.integers(1, 99), st.integers(100, 999), st.integers(10**5, 10**7)),
    st.builds("({}) {}-{:04}".format, st.integers(200, 999), st.integers(200, 999), st.integers(0, 9999)),
    st.builds("+1{}".format, st.integers(2_000_000_000, 9_999_999_999)),
    st.builds("0{} {}".format, st.integers(100, 999), st.integers(10**5, 10**7)),
)

SECRETS = {
    "private_key": chars(ALNUM + "+/", 100, 400).map(_pem),
    "jwt": st.builds("eyJ{}.eyJ{}.{}".format, chars(WORD, 10, 40), chars(WORD, 10, 80), chars(WORD, 20, 60)),
    "aws_key_id": after("AKIA", string.ascii_uppercase + string.digits, 16),
    "google_key": after("AIza", WORD, 35),
    "google_oauth": after("ya29.", WORD, 40, 120),
    "azure_secret": st.builds("{}8Q~{}".format, chars(ALNUM, 3), chars(ALNUM, 34)),
    "github_token": st.one_of(after("ghp_", ALNUM, 36), after("github_pat_", ALNUM + "_", 82)),
    "gitlab_token": after("glpat-", WORD, 20),
    "slack_token": after("xoxb-", ALNUM + "-", 24, 60),
    "stripe_key": after("sk_live_", ALNUM, 24, 99),
    "model_key": st.one_of(
        after("sk-proj-", WORD, 40, 150), after("sk-ant-api03-", WORD, 90), after("gsk_", ALNUM, 52)
    ),
    "huggingface_token": after("hf_", ALNUM, 34),
    "npm_token": after("npm_", ALNUM, 36),
    "pypi_token": after("pypi-AgEIcHlwaS5vcmc", WORD, 100),
    "sendgrid_key": st.builds("SG.{}.{}".format, chars(WORD, 22), chars(WORD, 43)),
    "twilio_key": after("SK", HEX, 32),
    "telegram_token": st.builds("{}:AA{}".format, st.integers(10**8, 10**10 - 1), chars(WORD, 33)),
    "digitalocean_token": after("dop_v1_", HEX, 64),
    "shopify_token": after("shpat_", HEX, 32),
    "vault_token": after("hvs.", WORD, 24, 90),
    "databricks_token": after("dapi", HEX, 32),
    "age_key": after("AGE-SECRET-KEY-1", string.ascii_uppercase + string.digits, 58),
    "linear_key": after("lin_api_", ALNUM, 40),
    "notion_token": after("ntn_", ALNUM, 46),
    "doppler_token": after("dp.pt.", ALNUM, 43),
    "newrelic_key": after("NRAK-", string.ascii_uppercase + string.digits, 27),
    "email": st.builds(
        "{}@{}.{}".format, chars(ALNUM, 1, 20), chars(ALNUM, 1, 20), st.sampled_from(["com", "co.uk", "de"])
    ),
    "phone": phones,
    "card": st.one_of(cards, cards.map(_groups)),
    "iban": chars("0123456789", 18).map(_iban).flatmap(lambda iban: st.sampled_from([iban, _groups(iban)])),
    "ssn": ssns,
}
# Those that are known by what stands around them.
AROUND = {
    "authorization": ("Authorization: Bearer {}", chars(ALNUM, 20, 60)),
    "cookie": ("Cookie: sid={}; theme=dark", chars(ALNUM, 20, 60)),
    "url_password": ("postgresql://app:{}@db.internal/orders", chars(ALNUM, 8, 30)),
    "azure_key": ("AccountKey={};EndpointSuffix=core", chars(ALNUM + "+/", 86).map(lambda key: key + "==")),
    "slack_webhook": ("https://hooks.slack.com/services/T0123ABCD/B0123ABCD/{}", chars(ALNUM, 24)),
    "discord_webhook": ("https://discord.com/api/webhooks/123456789012345678/{}", chars(WORD, 68)),
}
NAMED = chars(ALNUM, 8, 40).map(lambda text: f"{text}7x")

PLACES = {
    "prose": "Please look at {} and tell me what is wrong.",
    "end": "it is {}.",
    "json": json.dumps({"note": "see", "values": ["{}", 1]}),
    "json in json": json.dumps(json.dumps({"note": "line\n{}\nline"})),
    "code": "value = '{}'  # set at deploy",
    "call": 'client = Client("{}", timeout=3)',
    "url": "https://host.internal/path?a=1&v={}&b=2",
    "own line": "first\n{}\nlast",
    "tag": "<value>{}</value>",
    "brackets": "[{}]({})",
    "csv": "1,{},ann",
}


def _without_line_ends(text):
    return re.sub(r"[=\\]?\r?\n[ \t]*|\\n", "", text)


def passes(secret, text):
    """Say whether a secret can be read in a text, line ends apart."""
    left = redact(text)
    bare = re.sub(r"[^\w]", "", secret)
    return secret in left or bare in re.sub(r"[^\w]", "", _without_line_ends(left))


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("place", costly(PLACES, 3))
def test_no_secret_passes(kind, place):
    """In prose, JSON, code, URLs and between line ends: what was there is gone."""

    @few
    @given(SECRETS[kind])
    def check(secret):
        written = json.dumps(secret)[1:-1] if "json" in place else quote(secret) if place == "url" else secret
        text = PLACES[place].replace("{}", written)
        assert not passes(written, text), redact(text)
        assert not passes(secret, text), redact(text)

    check()


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_passes_across_line_ends(kind):
    """One that is broken in two at the end of a line is gone too."""

    @given(SECRETS[kind], st.data())
    def check(secret, data):
        if kind in MARKED:
            at = data.draw(st.integers(1, len(secret) - 1))
        else:  # lines end where words do
            at = data.draw(st.sampled_from([m.end() for m in re.finditer("[ @-]", secret)] or [len(secret)]))
        end = data.draw(
            st.sampled_from(["\n", "\r\n", "\n    ", "=\n", "\\\n"] if kind in MARKED else ["\n"])
        )
        text = f"the key is\n{secret[:at]}{end}{secret[at:]}\nand that is all"
        assert not passes(secret, text), redact(text)

    check()


MARKED = SECRETS.keys() - {"email", "phone", "card", "iban", "ssn"}


@pytest.mark.parametrize("kind", AROUND)
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_passes_that_its_surroundings_tell(kind, place):
    """Headers, cookies, URLs with passwords, connection strings."""
    around, secrets = AROUND[kind]

    @few
    @given(secrets)
    def check(secret):
        text = PLACES[place].replace("{}", around.replace("{}", secret))
        assert not passes(secret, text), redact(text)

    check()


@pytest.mark.parametrize(
    "text",
    [
        "password: {}",
        "Password:\n    {}\n",
        '"client_secret": "{}"',
        '\\"api_key\\": \\"{}\\"',
        "'db_password': '{}'",
        "tune prepare SECRET_KEY={}",
        "--token {} --verbose",
        "https://host.internal/?access_token={}&a=1",
        "x-api-key: {}",
        "aws_secret_access_key = {}",
        "<password>{}</password>",
        "my password is {}, please",
        "passphrase: |\n  {}\n",
        "apiKey={}",
        "PGPASSWORD={} psql",
    ],
)
@few
@given(secret=NAMED)
def test_no_secret_passes_behind_its_name(text, secret):
    """What stands behind a name of secrets is gone, whatever it looks like."""
    assert not passes(secret, text.replace("{}", secret)), redact(text.replace("{}", secret))


@pytest.mark.parametrize(
    "text",
    [
        "A basic understanding of tokens: many words, max_tokens=100, token: 512.",
        "The secretary: Ann. Password required. The key points are: speed, size.",
        "Order 12345678, 2026-11-26T10:00:00Z, 10.5 EUR, 0.4242424242424242, v1.2.3, 1,234,567.89",
        "write to nobody@example.com or test@host.invalid",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479 and d41d8cd98f00b204e9800998ecf8427e",
        '{"id": 1234567890123456789, "ids": [200, 300, 4000], "iso": "2026-11-26"}',
        "task-management-and-other-things, risk-averse-behaviour-of-everyone",
        "[redacted] and redacted@example.com",
        "| name | total |\n|---|---|\n| ann | 12345678 |",
        "| token | count |\n|---|---|\n| a | 12 |",
        "ps aux | grep token | sort | uniq",
        "1.2.3.4242424242424242 and 4242.4242424242424242, 12/2026/0042 - 2026.11.26",
        '{"path": "a\\/b", "date": "26\\/11\\/2026", "name": "M\\u00fcller", "range": "2024\\u20132026"}',
        "**Note:** see `main.py` | **Total:** 12345678 | 10.000.000,00",
    ],
)
def test_what_is_no_secret_stays(text):
    """Words, numbers, times, identifiers and examples are left alone."""
    assert redacted(text) == (text, ())


@given(
    st.text(alphabet=st.sampled_from("ab9@.:-_/\\\"' \n=+[]{}kstpeyJ"), max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "\\u0040",
                "a@b.de",
                "\\/",
                "|",
                "\n",
                " ",
                "x9",
                "4242.",
                "---",
                "`",
                "**",
                ":",
                "%40",
                '"',
                "password",
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_redacting_twice_is_redacting_once(text):
    """What was taken out is not touched again."""
    once = redact(text)

    assert redacted(once) == (once, ())

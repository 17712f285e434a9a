"""Addresses at reserved hosts stay; all others are redacted."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema_guard.ext.redaction import REDACTED_EMAIL, redact

RESERVED = ["test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"]
labels = st.text("abcxyz019", min_size=1, max_size=8)
hosts = st.lists(labels | st.sampled_from([*RESERVED, "example-shop", "mail.test"]), max_size=4).map(".".join)


@pytest.mark.parametrize(
    "host",
    [
        "test.de",
        "test.corp.com",
        "example-shop.de",
        "mail.test.io",
        "example.com.de",
        "example.de",
        "my-example.com",
        "invalid.org",
        "localhost.run",
        "a.b.c.d.e.f.g.h.test.com",
        "test.рф",
        "TEST.DE",
        "mail.test-corp.example-shop.co.uk",
    ],
)
@pytest.mark.parametrize("text", ["write to {}.", '{{"mail": "{}"}}', "<{}>", "{}\\nBye"])
def test_addresses_at_real_hosts_are_redacted(text, host):
    """A reserved label decides only at the end of a host."""
    assert redact(text.format(f"ann@{host}")) == text.format(REDACTED_EMAIL)


@pytest.mark.parametrize("host", RESERVED)
@pytest.mark.parametrize("before", ["", "mail.", "a.b.c."])
def test_addresses_at_reserved_hosts_stay(host, before):
    """RFC 2606 reserves four last labels and three domains with their subdomains."""
    if "." not in before + host:
        before = "mail."
    text = f"write to ann@{before}{host}, or ANN@{(before + host).upper()}."

    assert redact(text) == text


@pytest.mark.parametrize("after", ["进行。", "は無効です", "에게"])
def test_words_of_a_script_without_spaces_stay_after_an_address(after):
    """Chinese, Japanese, and Korean write a word directly after an address."""
    assert redact(f"ann@corp.com{after}") == f"{REDACTED_EMAIL}{after}"
    assert redact(f"ann@mail.test{after}") == f"ann@mail.test{after}"


@pytest.mark.parametrize("end", ["\n", "\\n", "\r\n"])
def test_a_line_end_decides_nothing_about_a_reserved_host(end):
    """The next line belongs to a host only if it begins with a point or a hyphen."""
    text = f"ann@mail.test{end}bob@example.com{end}hello"

    assert redact(text) == text
    assert redact(f"ann@mail.test{end}.io") == REDACTED_EMAIL
    assert redact(f"ann@mail.test{end}-shop.de") == REDACTED_EMAIL


@given(hosts, st.sampled_from(["com", "de", "io", "co.uk", "testing", "examples", "com.example-shop.net"]))
def test_no_reserved_label_inside_a_host_saves_an_address(before, last):
    """Any labels may come before the last one, reserved ones too."""
    host = f"{before}.{last}" if before else f"mail.{last}"
    if host.endswith(("example.com", "example.net", "example.org")):
        host += ".de"

    assert "ann@" not in redact(f"from ann@{host} today")


@given(hosts, st.sampled_from(RESERVED))
@example("ba90y9x1.c9.c9.c9", "test")  # with the next word, it has the check digits of an IBAN
def test_every_subdomain_of_a_reserved_host_stays(before, last):
    """The labels before a reserved end do not matter."""
    text = f"from ann@{before or 'mail'}.{last} today"

    assert redact(text) == text

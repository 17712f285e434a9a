# SPDX-License-Identifier: Apache-2.0
"""Personal data: e-mail addresses, telephone numbers, cards by Luhn, IBANs by their check digits, and SSNs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from schema_guard.ext.redaction.kinds import BEGIN, SecretKind, SecretSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL: Final = "email"

_LOCAL: Final = re.compile(r"[\w.%+-]{1,64}\Z")
_LOCAL_CHARS: Final = 64
_HOST: Final = re.compile(r"(?:[\w-]{1,63}+\.){1,126}(?:[A-Za-z][A-Za-z0-9-]{1,62}+|[^\W\d_a-zA-Z]{2,63}+)")
# Reserved for examples (RFC 2606): nobody's addresses. Only the end of a host decides, and only if the host ends there.
_RESERVED: Final = re.compile(
    r"(?:.*\.)?(?:test|example|invalid|localhost|example\.(?:com|net|org))", re.IGNORECASE
)
_HOST_CONTINUES: Final = re.compile(r"[.-]\w|[A-Za-z0-9_]")
_CONTINUES_BELOW: Final = re.compile(r"[=\\]?(?:\r\n?|\n|(?:\\r)?\\n)[ \t>]{0,64}+[.-]\w")
_AT: Final = re.compile(r"@|%40")

# First digits of the brands of cards, with the number of digits: ISO/IEC 7812, as the networks publish it.
_BRANDS: Final = (
    ("4", (13, 16, 19)), ("34", (15,)), ("37", (15,)), ("36", (14,)), ("38", (14,)), ("30", (14,)), ("35", (16,)),
    ("6", (16, 17, 18, 19)), *((str(n), (16,)) for n in range(51, 56)), *((str(n), (16,)) for n in range(22, 28)),
    ("50", (16,)), ("56", (16,)), ("57", (16,)), ("58", (16,)),
)  # fmt: skip
_CARD_SIZES: Final = (13, 14, 15, 16, 17, 18, 19)
_LEAST_GROUP: Final = 3
# Groups as cards print them. Other groups count only with single spaces or hyphens between them.
_PRINTED_GROUPS: Final = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))
_JOINT: Final = r"(?:[ \t.\-/_]{1,3}|\\t|[ \t]?(?:\r?\n|\\n)[ \t]{0,8})"
_DIGITS: Final = re.compile(rf"(?<![0-9])(?<![0-9]\.)[0-9]++(?:{_JOINT}[0-9]++)*+")
_UNUSUAL_JOINT: Final = re.compile(r"(?<=[0-9A-Za-z])(?<!\\[nt])(?:[\t./_]|[ -][ .\-/_]|\\t)")
_GROUP: Final = re.compile(r"[0-9]+")
_LINE_END: Final = re.compile(r"\n|\\n")

# Number of characters of the IBANs of each country, from the registry of SWIFT.
_IBAN_SIZES: Final = {
    code: int(size)
    for code, size in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27"
        "GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19"
        "MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23"
        "TN24TR26UA29VA22VG24XK20YE30",
    )
}
_IBAN: Final = re.compile(BEGIN + r"[A-Z]{2}[0-9]{2}(?=[ \t\r\n\\.\-/_]{0,3}[nt]?[A-Z0-9])", re.IGNORECASE)
_IBAN_REST: Final = re.compile(rf"(?:{_JOINT}?[A-Z0-9]){{11,30}}", re.IGNORECASE)
_IBAN_GROUP: Final = 4
_MOST_PHONE_DIGITS: Final = 15
_LEAST_PHONE_DIGITS: Final = 8


def find_emails(text: str, *, complete_reserved: bool = False) -> Iterator[SecretSpan]:
    """Yield each e-mail address, except those at reserved hosts.

    Args:
        text: Any text.
        complete_reserved: Whether addresses at reserved hosts count too, unless the next line continues the host.
    """
    for at in _AT.finditer(text):
        local = _LOCAL.search(text, max(0, at.start() - _LOCAL_CHARS), at.start())
        host = _HOST.match(text, at.end())
        if local is None or host is None:
            continue
        is_reserved = _RESERVED.fullmatch(host[0]) and not _HOST_CONTINUES.match(text, host.end())
        if not is_reserved or (complete_reserved and not _CONTINUES_BELOW.match(text, host.end())):
            yield SecretSpan(local.start(), host.end(), EMAIL)


def find_cards(text: str) -> Iterator[SecretSpan]:
    """Yield each card number: the digits of a brand, in groups or not, with a valid check digit."""
    for run in _DIGITS.finditer(text):
        if run.end() - run.start() < _CARD_SIZES[0]:
            continue
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            last = _card_from(text, groups, first)
            if last is not None:
                yield SecretSpan(groups[first][0], groups[last][1], "card")
                first = last
            first += 1


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the last group of the card number that begins at a group, or None if there is no card number."""
    digits = ""
    for last in range(first, min(len(groups), first + 7)):
        start, stop = groups[last]
        if stop - start > _CARD_SIZES[-1]:
            return None
        digits += text[start:stop]
        if len(digits) > _CARD_SIZES[-1]:
            return None
        if len(digits) < _CARD_SIZES[0] or not _is_card(digits):
            continue
        between = text[groups[first][0] : stop]
        line_ends = len(_LINE_END.findall(between))
        sizes = tuple(b - a for a, b in groups[first : last + 1])
        if sizes in _PRINTED_GROUPS:
            return last
        if _UNUSUAL_JOINT.search(between) or (first == last and _follows_point(text, start)):
            continue
        if (line_ends == 0 and min(sizes) >= _LEAST_GROUP) or line_ends == 1:
            return last
    return None


def _follows_point(text: str, at: int) -> bool:
    return at > 1 and text[at - 1] == "." and text[at - 2].isdigit()


def _is_card(digits: str) -> bool:
    if not any(digits.startswith(begin) and len(digits) in sizes for begin, sizes in _BRANDS):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def find_ibans(text: str) -> Iterator[SecretSpan]:
    """Yield each IBAN with the size of its country and valid check digits."""
    reached = 0
    for begin in _IBAN.finditer(text):
        size = _IBAN_SIZES.get(text[begin.start() : begin.start() + 2].upper())
        rest = None if size is None or begin.start() < reached else _IBAN_REST.match(text, begin.end())
        if size is None or rest is None:
            continue
        places = [
            at for at in range(begin.start(), rest.end()) if text[at].isalnum() and not _is_escape(text, at)
        ]
        if len(places) < size:
            continue
        code = "".join(text[at] for at in places[:size]).upper()
        if int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1 and _is_printed_iban(
            text[begin.start() : rest.end()], places[size - 1] + 1 - begin.start()
        ):
            reached = places[size - 1] + 1
            yield SecretSpan(begin.start(), reached, "iban")


def _is_printed_iban(text: str, size: int) -> bool:
    """Return whether a text with unusual separators has groups of four, as an IBAN is printed."""
    if not _UNUSUAL_JOINT.search(text, 0, size):
        return True
    groups = re.findall(r"[A-Za-z0-9]+", re.sub(r"\\[nt]", " ", text[:size]))
    return all(len(group) == _IBAN_GROUP for group in groups[:-1]) and not text[size : size + 1].isalnum()


def _is_escape(text: str, at: int) -> bool:
    return text[at] in "nt" and at > 0 and text[at - 1] == "\\"


def _has_phone_digits(match: re.Match[str]) -> bool:
    digits = sum(c.isdigit() for c in match[0])
    return _LEAST_PHONE_DIGITS <= digits <= _MOST_PHONE_DIGITS


def _is_ssn(match: re.Match[str]) -> bool:
    area, group, serial = (part for part in match.group(2, 3, 4))
    return area not in ("000", "666") and group != "00" and serial != "0000"


_S: Final = r"(?:[ .\-/_\t]|\)[ .\-/_\t]?|[ .\-/_\t]?\(|\\t|[ \t]?(?:\r?\n|\\n)[ \t]{0,8})"
_PHONE: Final = r"phone|mobile|telephone|tel|fax|cell"
_GAP: Final = r"(?:-|-?[ \t]?(?:\r?\n|\\n)[ \t]{0,8}| )"
# Text between the name of a number and the number: a colon, the line of a column, or marks of JSON and Markdown.
_AFTER_NAME: Final = r"[\"'\\*_`)]{0,6}(?:\s{0,8}[:=|]|\s{1,4}is(?=\s))?[*_]{0,3}\s{0,8}[\"'\\*`]{0,4}"

NUMBERS: Final = (
    SecretKind(
        "phone",
        ("+", "%2b", "00"),
        # At most 15 digits (E.164), with a country code; after 00, in groups.
        re.compile(
            rf"(?:(?<![0-9A-Za-z+])|(?<=\\[nrt])|(?<=%20))(?:\+|%2B|00(?=[1-9][0-9]{{0,2}}{_S}))(?:\(0\))?[1-9](?:{_S}{{0,2}}[0-9]){{7,14}}(?![0-9])",
            re.IGNORECASE,
        ),
        _has_phone_digits,
    ),
    SecretKind(
        "phone",
        tuple("0123456789"),
        # North America: an area in brackets, or groups that are joined by points or hyphens.
        re.compile(
            r"(?<![0-9])(?<![0-9][.\-])(?:1[ .\-])?(?:\([2-9][0-9]{2}\)\s{0,2}|[2-9][0-9]{2}[.\-]\s{0,8})[2-9][0-9]{2}[ .\-]\s{0,8}[0-9]{4}(?![0-9])"
        ),
    ),
    SecretKind(
        "phone",
        ("0",),
        # Elsewhere: a trunk's zero, then groups.
        re.compile(r"(?<![0-9.\-])0[1-9][0-9]{1,4}[ /\-]\s{0,8}[0-9]{3,8}(?:[ \-][0-9]{2,6}){0,3}(?![0-9])"),
        _has_phone_digits,
    ),
    SecretKind(
        "phone",
        tuple(_PHONE.split("|")),
        # By its name.
        re.compile(
            rf"(?:{_PHONE})[\w-]{{0,16}}+\.?{_AFTER_NAME}(\+?\(?[0-9](?:[ .\-/()]{{0,2}}[0-9]){{6,14}})(?![0-9])",
            re.IGNORECASE,
        ),
    ),
    SecretKind(
        "ssn",
        tuple("0123456789"),
        re.compile(
            rf"(?<![0-9])(?<![0-9]-)(([0-8][0-9]{{2}}){_GAP}([0-9]{{2}}){_GAP}([0-9]{{4}}))(?![0-9])(?!-[0-9])"
        ),
        _is_ssn,
    ),
    SecretKind(
        "ssn",
        ("ssn", "social"),
        re.compile(
            rf"(?:ssn|social[ _\-]?security)(?:[ _\-]?[A-Za-z]{{1,16}}+){{0,2}}\.?{_AFTER_NAME}"
            r"([0-9]{3}[ .\-/_]?[0-9]{2}[ .\-/_]?[0-9]{4})(?![0-9])",
            re.IGNORECASE,
        ),
    ),
)

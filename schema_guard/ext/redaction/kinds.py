# SPDX-License-Identifier: Apache-2.0
"""Secrets with a known form: keys and tokens with the mark of their issuer.

Rules: every pattern takes linear time. Every repetition has a bound or is possessive, and a pattern that can fail after
a long run begins only where that run begins. A kind is only searched if one of its marks is in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The beginning of a word: not after a letter or digit, except after an escape that ends in one (`\n`, `%20`, `\u0020`).
BEGIN: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbfv])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"
# The same if `-` and `_` belong to the run.
_BEGIN_RUN: Final = r"(?:(?<![\w-])|(?<=\\[nrtbfv])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"


class SecretSpan(NamedTuple):
    """Characters of a text to remove."""

    start: int
    stop: int
    kind: str


class SecretKind(NamedTuple):
    """One kind of text to remove.

    Attributes:
        name: Name of the kind in places.
        marks: Texts in lower case. Without one of them, a text has nothing of the kind.
        pattern: Pattern of the kind. If it has a group, only its first group is removed.
        accepts: Function that returns whether a match is of the kind. None accepts every match.
    """

    name: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[re.Match[str]], bool] | None = None

    def find(self, text: str, lowered: str) -> Iterator[SecretSpan]:
        """Yield each match in a text. *lowered* is the text in lower case."""
        if not any(mark in lowered for mark in self.marks):
            return
        group = 1 if self.pattern.groups else 0
        for match in self.pattern.finditer(text):
            if self.accepts is None or self.accepts(match):
                start, stop = match.span(group)
                if start < stop:
                    yield SecretSpan(start, stop, self.name)


def _kind(name: str, marks: str, pattern: str, flags: int = 0) -> SecretKind:
    return SecretKind(name, tuple(marks.lower().split()), re.compile(pattern, flags))


def _is_credential(match: re.Match[str]) -> bool:
    """Return whether a match is a credential, such as `Basic YW5uOnB3`, and not a word, as in `basic understanding`."""
    value = match[1].rstrip(".")
    return bool(re.search(r"[0-9=/+_.~]", value)) or any(c.isupper() for c in value[1:]) or len(value) > 24


_WEBHOOK = r"/[\w-]{4,64}/[\w-]{4,64}/[\w-]{8,128}"

MARKED: Final = (
    SecretKind(
        "private_key",
        ("private",),
        # A key without an end is removed up to the last character that can be part of it.
        re.compile(
            r"-----BEGIN[A-Z0-9\s]{0,40}PRIVATE\s{0,8}KEY(?:\s{0,8}BLOCK)?-----"
            r"(?:[A-Za-z0-9+/=:,.()\s\\-](?!----END))*+(?:[\s\S]?-----END[A-Z0-9\s]{0,60}+-----)?"
        ),
    ),
    SecretKind(
        "authorization",
        ("bearer", "basic", "digest", "apikey"),
        re.compile(
            BEGIN + r"(?:Bearer|Basic|Digest|ApiKey)(?:\s|\\[nrt]|%20){1,8}+([\w.~+/=-]{8,}+)", re.IGNORECASE
        ),
        _is_credential,
    ),
    _kind("jwt", "eyj", _BEGIN_RUN + r"eyJ[\w-]{6,}+(?:\.[\w-]{2,}+){1,4}+(?:\.(?![\w-]))?"),
    _kind(
        "cookie",
        "cookie",
        BEGIN
        + r"(?:set-)?cookie2?(?:[\"'\\]{0,4}\s{0,8}[:=]|\s{1,4}(?:is\s{1,4})?)(?:\s|\\[nrt]){0,8}+[\"'\\]{0,3}"
        r"([^\s\"'=;,\\]{1,256}+(?:=)[^\r\n\"'<>\\]*+(?:(?:(?<=;)|(?<=; ))\r?\n[ \t]++[^\r\n\"'<>\\]*+)*+)",
        re.IGNORECASE,
    ),
    _kind("url_password", "://", r"(?<=://)[^\s/:@\"'<>]{0,128}+:([^\s/@\"'<>]{1,256}+)(?=@)"),
    _kind("aws_key_id", "akia asia abia acca", BEGIN + r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _kind("google_key", "aiza", r"AIza[\w-]{30,128}+"),
    _kind("google_oauth", "ya29. gocspx-", r"(?:ya29\.[\w-]{16,2048}+|GOCSPX-[\w-]{20,64}+)"),
    _kind(
        "azure_key",
        "accountkey= sharedaccesskey= sig= q~",
        r"(?:AccountKey=|SharedAccessKey=|[?&;]sig=)([\w+/%=-]{16,256}+)",
        re.IGNORECASE,
    ),
    _kind("azure_secret", "q~", _BEGIN_RUN + r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}+"),
    _kind("github_token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"(?:gh[opusr]|github_pat)_[\w]{16,255}+"),
    _kind("gitlab_token", "glpat- gldt- glrt- glptt- glcbt-", r"gl(?:pat|dt|rt|ptt|cbt)-[\w-]{16,255}+"),
    _kind("slack_token", "xox xapp-", r"(?:xox[abeoprs]|xapp)-[\w-]{10,255}+"),
    _kind(
        "slack_webhook",
        "hooks.slack.com",
        r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)" + _WEBHOOK,
    ),
    _kind("discord_webhook", "/api/webhooks/", r"(?<=/api/webhooks/)[0-9]{5,24}+/[\w-]{20,128}+"),
    _kind(
        "stripe_key",
        "_live_ _test_ whsec_",
        r"(?:[srp]k_(?:live|test)_[A-Za-z0-9]{10,255}+|whsec_[A-Za-z0-9+/=]{16,255}+)",
    ),
    _kind(
        "model_key",
        "sk- gsk_ xai- pplx- r8_ csk- fw_",
        BEGIN + r"(?:(?:sk|pk|rk|csk|xai|pplx)-[\w-]{16,255}+|(?:gsk|r8|fw)_\w{16,255}+)",
    ),
    _kind("huggingface_token", "hf_ api_org_", BEGIN + r"(?:hf|api_org)_[A-Za-z0-9]{16,128}+"),
    _kind("npm_token", "npm_", BEGIN + r"npm_[A-Za-z0-9]{30,128}+"),
    _kind("pypi_token", "pypi-", r"pypi-AgE[\w-]{20,255}+"),
    _kind("sendgrid_key", "sg.", _BEGIN_RUN + r"SG\.[\w-]{16,64}\.[\w-]{16,128}+"),
    _kind("twilio_key", "sk ac", BEGIN + r"(?:SK|AC)[0-9a-f]{32}(?![0-9A-Za-z])"),
    _kind("telegram_token", ":aa", BEGIN + r"[0-9]{8,10}:AA[\w-]{32,40}+"),
    _kind("digitalocean_token", "do", r"do[opr]_v1_[0-9a-f]{40,128}+"),
    _kind("shopify_token", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{24,128}+"),
    _kind("vault_token", "hvs. hvb. hvr.", _BEGIN_RUN + r"hv[sbr]\.[\w-]{20,255}+"),
    _kind("databricks_token", "dapi", BEGIN + r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    _kind("age_key", "age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{50,64}+"),
    _kind("linear_key", "lin_", BEGIN + r"lin_(?:api|oauth)_[A-Za-z0-9]{20,128}+"),
    _kind("notion_token", "ntn_ secret_", BEGIN + r"(?:ntn|secret)_[A-Za-z0-9]{40,64}+"),
    _kind("doppler_token", "dp.", BEGIN + r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{20,128}+"),
    _kind("newrelic_key", "nrak- nral nrii", BEGIN + r"(?:NRAK-[A-Z0-9]{20,64}+|NRII-[\w-]{20,64}+)"),
)
"""The secrets with marks, in the order of the search."""

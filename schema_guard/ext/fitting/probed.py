# SPDX-License-Identifier: Apache-2.0
"""The rules of a provider as a probe of one server found them.

Rules: a probed keyword replaces the rule of the provider, with the day and the number of requests as its evidence. Other
rules stay. A file is read only if its path is given.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.rules.rule import Rule, Rules
from schema_guard.ext.fitting.rules.tables import rules_of
from schema_guard.schema import Schema
from schema_guard.text import clip, clip_path
from schema_guard.validation.published import judged

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GONE_ON_WITH", "RulesLike", "probed_provider", "sent_table_of", "table_of"]

RulesLike: TypeAlias = "str | os.PathLike[str] | Rules"
"""The file that `schema-guard schema probe --output` wrote, or the table that was made of it."""

GONE_ON_WITH: Final = frozenset({"continued", "repeated"})
"""What a probe says of a server that goes on with a reply that is begun for it."""

# The rule that no schema is enforced at all.
_NONE: Final = "probed-schemas"
_SCHEMA: Final = Path(__file__).with_name("probe.schema.json")


def table_of(provider: object, rules: RulesLike | None = None) -> Rules:
    """Return the table of a provider, with the probed rules if there are any.

    Args:
        provider: Any of its names.
        rules: The result of a probe. Default: the rules of the provider.

    Raises:
        InvalidArgument: The provider is unknown, the file is none that a probe wrote, or another provider was probed.
    """
    table = rules_of(provider)
    if rules is None or isinstance(rules, Rules):
        return rules or table
    found = _read(rules)
    if rules_of(found["provider"]) is not table:
        raise InvalidArgument(
            f"rules {clip(str(rules))!r}: provider {found['provider']!r} was probed, which does not go by the rules of {provider!r}"
        )
    return _probed(table, found)


def sent_table_of(provider: object, rules: RulesLike | None = None) -> Rules:
    """Give the table by which a schema is sent, as `table_of` does: what is enforced nowhere is sent as a hint."""
    table = table_of(provider, rules).as_sent()
    kept = tuple(one for one in table.rules if (one.name, one.effect) != (_NONE, "ignored"))
    return table if kept == table.rules else replace(table, rules=kept)


def probed_provider(rules: str | os.PathLike[str]) -> str:
    """Return the name of the provider in the file of a probe.

    Raises:
        InvalidArgument: The file is none that a probe wrote.
    """
    return str(_read(rules)["provider"])


def _read(path: object) -> dict[str, Any]:
    if not str(path) or not isinstance(path, (str, os.PathLike)):
        raise InvalidArgument(
            f"rules={clip(repr(path))}: expected the path of a file that `schema-guard schema probe --output` wrote"
        )
    name = f"rules {clip_path(path)!r}"
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, TypeError) as error:
        raise InvalidArgument(
            f"{name}: expected a file that `schema-guard schema probe --output` wrote: {error}"
        ) from error
    found: dict[str, Any] = judged(document, Schema.of(_SCHEMA), name)
    return found


def _probed(table: Rules, found: Mapping[str, Any]) -> Rules:
    keywords = {word: one for word, one in (found["keywords"] or {}).items() if one["does"] is not None}
    rules = [one for one in table.rules if not _is_refuted(one, keywords.get(one.keyword))]
    own = [
        _rule(found, word, one["does"], f"{one['n']} of {one['n']}")
        for word, one in keywords.items()
        if one["does"] != "enforced"
    ]
    enforced = frozenset(word for word, one in keywords.items() if one["does"] == "enforced")
    refused = frozenset(word for word, one in keywords.items() if one["does"] == "rejected")
    return replace(
        table,
        takes=(table.takes | enforced) - refused,
        rules=(*_of_all(found), *own, *rules),
        goes_on=found["prefix"] in GONE_ON_WITH,
    )


def _is_refuted(rule: Rule, seen: Mapping[str, Any] | None) -> bool:
    """Say whether a rule says of a keyword what was seen to be otherwise; a rule for some uses of it may stay."""
    if seen is None:
        return False
    is_wrong = seen["says"] != seen["does"] and rule.effect == seen["says"]
    return rule.applies is None or seen["does"] != "enforced" or is_wrong


def _rule(found: Mapping[str, Any], keyword: str, effect: Any, counts: str, **more: Any) -> Rule:
    evidence = f"probed on {found['made']}, {counts}"
    return Rule(
        name=f"probed-{keyword}",
        keyword=keyword,
        effect=effect,
        message=evidence,
        evidence=f"{evidence}, model {found['model']}",
        verified_on=found["made"],
        **more,
    )


def _of_all(found: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Give the rule that no schema is enforced, where the probe says so."""
    seen = found["enforcement"]
    if seen["verdict"] not in ("ignored", "sometimes", "refused"):
        return ()
    effect = "rejected" if seen["verdict"] == "refused" else "ignored"
    counts = f"{seen['kept']} of {seen['judged']} replies kept to a schema"
    return (_rule(found, "schemas", effect, counts, applies=lambda site: site.location == ""),)

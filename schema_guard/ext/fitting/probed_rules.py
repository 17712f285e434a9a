# SPDX-License-Identifier: Apache-2.0
"""The rules of a provider, as found by a probe of one server.

Rules: A probed keyword replaces the rule of the provider, with the day and the number of requests as its evidence. Other
rules stay. A file is read only if the caller passes its path.
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
from schema_guard.validation.published_schemas import judged

if TYPE_CHECKING:
    from collections.abc import Mapping

RulesLike: TypeAlias = "str | os.PathLike[str] | Rules"
"""The file that `schema-guard schema probe --output` wrote, or the table made from it."""

# The rule that no schema is enforced at all.
_NONE: Final = "probed-schemas"
_VERBS: Final = {"rejected": "rejects", "ignored": "does not enforce", "narrowed": "restricts"}
_SCHEMA: Final = Path(__file__).with_name("probe.schema.json")


def table_of(provider: object, rules: RulesLike | None = None) -> Rules:
    """Return the table of a provider, with the probed rules if there are any.

    Args:
        provider: Any name of the provider.
        rules: The result of a probe. Default: the rules of the provider.

    Raises:
        InvalidArgument: The provider is unknown, no probe wrote the file, or the probe was of another provider.
    """
    table = rules_of(provider)
    if rules is None or isinstance(rules, Rules):
        return rules or table
    probe = _read(rules)
    if rules_of(probe["provider"]) is not table:
        raise InvalidArgument(
            f"rules {clip(str(rules))!r}: expected the rules of provider {provider!r}, got those of {probe['provider']!r}"
        )
    return _probed(table, probe)


def sent_table_of(provider: object, rules: RulesLike | None = None) -> Rules:
    """Return the table of `table_of` for sending schemas. If a server enforces no schema, schemas are sent as hints."""
    table = table_of(provider, rules).as_sent()
    sent_rules = tuple(rule for rule in table.rules if (rule.name, rule.effect) != (_NONE, "ignored"))
    return table if sent_rules == table.rules else replace(table, rules=sent_rules)


def probed_provider(rules: str | os.PathLike[str]) -> str:
    """Return the name of the provider in the file of a probe.

    Raises:
        InvalidArgument: No probe wrote the file.
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
            f"{name}: expected a file that `schema-guard schema probe --output` wrote, but reading it failed: {error}"
        ) from error
    probe: dict[str, Any] = judged(document, Schema.of(_SCHEMA), name)
    return probe


def _probed(table: Rules, probe: Mapping[str, Any]) -> Rules:
    keywords = {word: entry for word, entry in (probe["keywords"] or {}).items() if entry["does"] is not None}
    rules = [entry for entry in table.rules if not _is_refuted(entry, keywords.get(entry.keyword))]
    own = [
        _rule(probe, word, entry["does"], f"{entry['n']} of {entry['n']}")
        for word, entry in keywords.items()
        if entry["does"] != "enforced"
    ]
    enforced = frozenset(word for word, entry in keywords.items() if entry["does"] == "enforced")
    refused = frozenset(word for word, entry in keywords.items() if entry["does"] == "rejected")
    return replace(
        table,
        takes=(table.takes | enforced) - refused,
        rules=(*_of_all(probe), *own, *rules),
    )


def _is_refuted(rule: Rule, probed: Mapping[str, Any] | None) -> bool:
    """Return whether a probe refutes a rule about its keyword. A rule for some uses of the keyword may stay."""
    if probed is None:
        return False
    is_wrong = probed["says"] != probed["does"] and rule.effect == probed["says"]
    return rule.applies is None or probed["does"] != "enforced" or is_wrong


def _rule(probe: Mapping[str, Any], keyword: str, effect: Any, counts: str, **more: Any) -> Rule:
    evidence = f"probed on {probe['made']}, {counts}"
    return Rule(
        name=f"probed-{keyword}",
        keyword=keyword,
        effect=effect,
        message=f"{_VERBS[effect]} {keyword} ({evidence})",
        evidence=f"{evidence}, model {probe['model']}",
        verified_on=probe["made"],
        **more,
    )


def _of_all(probe: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rule that no schema is enforced, if that is the result of the probe."""
    enforcement = probe["enforcement"]
    if enforcement["verdict"] not in ("ignored", "sometimes", "refused"):
        return ()
    effect = "rejected" if enforcement["verdict"] == "refused" else "ignored"
    counts = f"{enforcement['kept']} of {enforcement['judged']} replies matched a schema"
    return (_rule(probe, "schemas", effect, counts, applies=lambda site: site.location == ""),)

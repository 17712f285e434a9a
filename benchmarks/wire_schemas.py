"""Count schemas that providers refuse from their own packages: python -m benchmarks.wire_schemas [--output FILE.txt].

The schemas are the built-in ones and those of the Pydantic models in `wire_models.py`. The servers are on loopback, and
refuse the same schemas as the providers. Each schema is sent unchanged, with the package's own converter for a Pydantic
model, and adapted. Each request has a strict format, whole and streamed. The script needs openai, anthropic,
google-genai, and pydantic.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import warnings
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.provider_refusals import anthropic, gemini, openai, refuse
from benchmarks.provider_refusals.sent_schema import SentSchema, broken
from benchmarks.wire_models import MODELS
from schema_guard import Schema
from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.fitting.adapting import adapt
from schema_guard.testing import serve
from tests.public.ext.sdks.wire_calls import APIS, connected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from schema_guard.testing import Server
    from tests.public.ext.sdks.wire_calls import WireApi

PROVIDER_OPTIONS = {
    "chat": "openai",
    "responses": "openai-responses",
    "messages": "anthropic",
    "contents": "gemini",
}
RULES = {"openai": openai.RULES, "anthropic": anthropic.RULES, "google-genai": gemini.RULES}


class Case(NamedTuple):
    """A schema and its Pydantic model. The model is None for a built-in schema."""

    name: str
    document: Any
    model: type[BaseModel] | None = None


class Sent(NamedTuple):
    """The errors of the refused schemas, and the number of sent ones."""

    refused: dict[str, str]
    total: int

    def __str__(self) -> str:
        """Return the cell of the table."""
        return f"{len(self.refused)} of {self.total}"


def cases() -> list[Case]:
    """Return all schemas."""
    built_in = [Case(entry.name, entry.schema.document) for entry in load_suite("small").schemas]
    return [*built_in, *[Case(model.__name__, Schema.of(model).document, model) for model in MODELS]]


def sent(server: Server, asks: dict[str, Callable[[], Any]]) -> Sent:
    """Send each schema, and return the refusals: by the server, or by the package before it sends."""
    refused = {}
    for name, ask in asks.items():
        before = len(server.requests)
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - each package has its own
            status = getattr(error, "status_code", None) or getattr(error, "code", None)
            if len(server.requests) == before:
                refused[name] = f"not sent: {type(error).__name__}: {error}"
            elif status == 400:
                refused[name] = str(error)
            # Otherwise, the schema was accepted, and the reply is not a value of the model.
    return Sent(refused, len(asks))


def asking(api: WireApi, client: Any, schemas: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return a function for each schema that sends it, whole and streamed."""

    def of(schema: Any) -> Callable[[], Any]:
        def ask() -> None:
            list(api.ask(client, "t", stream=True, **api.strict(schema)))
            api.ask(client, "t", stream=False, **api.strict(schema))

        return ask

    return {name: of(schema) for name, schema in schemas.items()}


def converting(name: str, client: Any) -> dict[str, Callable[[], Any]]:
    """Return a function for each Pydantic model that sends it with the package's own converter."""
    turns, text = [{"role": "user", "content": "t"}], {"model": "m"}

    def of(model: type[BaseModel]) -> Callable[[], Any]:
        return {
            "chat": lambda: client.chat.completions.parse(messages=turns, response_format=model, **text),
            "responses": lambda: client.responses.parse(input="t", text_format=model, **text),
            "messages": lambda: client.messages.parse(
                messages=turns, max_tokens=9, output_format=model, **text
            ),
            "contents": lambda: client.models.generate_content(
                contents="t",
                config={"response_mime_type": "application/json", "response_schema": model},
                **text,
            ),
        }[name]

    return {model.__name__: of(model) for model in MODELS}


class Row(NamedTuple):
    """The results of one API."""

    api: str
    built_in: Sent
    models: Sent
    converted: Sent
    adapted: Sent
    unsent: dict[str, str]


def tried(name: str, api: WireApi, server: Server, found: Sequence[Case]) -> Row:
    """Send all schemas to one API."""
    client = connected(api, server)
    as_is = {case.name: case.document for case in found}
    models = {case.name for case in found if case.model is not None}
    adapted = {case.name: adapt(case.document, PROVIDER_OPTIONS[name]) for case in found}
    sendable = {name: made.schema for name, made in adapted.items() if made.schema is not None}

    def of(schemas: dict[str, Any]) -> Sent:
        return sent(server, asking(api, client, schemas))

    return Row(
        name,
        of({name: schema for name, schema in as_is.items() if name not in models}),
        of({name: schema for name, schema in as_is.items() if name in models}),
        sent(server, converting(name, client)),
        of(sendable),
        {name: made.relaxed[0].reason for name, made in adapted.items() if made.schema is None},
    )


def reasons(found: Sequence[Case]) -> dict[str, Counter[str]]:
    """Return the number of unadapted schemas that violate each rule, by package."""
    named = ("reply", "name")
    return {
        package: Counter(
            rule.name.partition("-")[2]
            for case in found
            for rule, _ in broken(rules, [SentSchema(case.document, "", name=named)])
        )
        for package, rules in RULES.items()
    }


def table(rows: Sequence[Row], found: Sequence[Case]) -> str:
    """Return the result as a table."""
    models = sum(case.model is not None for case in found)
    packages = {api.package: version(api.package) for api in APIS.values()}
    head = ("refused", "built-in", "Pydantic", "by the package", "adapted", "not to be sent")
    sets = f"{len(found) - models} built-in schemas and those of {models} Pydantic models"
    lines = [
        "python -m benchmarks.wire_schemas",
        f"{sets} as strict formats, whole and streamed, {datetime.now(UTC):%Y-%m-%d}",
        "sent by " + ", ".join(f"{name} {at}" for name, at in packages.items()),
        "",
        "{:<12}{:>11}{:>11}{:>17}{:>11}{:>17}".format(*head),
    ]
    for row in rows:
        cells = (row.built_in, row.models, row.converted, row.adapted, len(row.unsent))
        lines.append("{:<12}{:>11}{:>11}{:>17}{:>11}{:>17}".format(row.api, *map(str, cells)))
    lines += ["", "how many of them break a rule, as they are"]
    for package, counts in reasons(found).items():
        text = ", ".join(f"{rule} {count}" for rule, count in counts.most_common())
        lines += textwrap.wrap(f"{package:<14}{text}", 118, subsequent_indent=" " * 14)
    lines += ["", "refused as the package itself converts them"]
    for row in rows:
        lines.append(f"{row.api:<12}{', '.join(row.converted.refused)}")
    lines += ["", "adapted, and not taken"]
    adapted = [
        (row.api, *text) for row in rows for text in [*row.adapted.refused.items(), *row.unsent.items()]
    ]
    lines += [f"{api:<12}{name}: {words}" for api, name, words in adapted] or ["none"]
    return "\n".join(lines)


def main() -> int:
    """Send all schemas to all APIs, and print the table. Return 1 if an adapted schema is refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="a .txt file for the table")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    result = cases()
    with serve(lambda _: "{}", faults=refuse) as server:
        rows = [tried(name, api, server, result) for name, api in APIS.items()]
    text = table(rows, result)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    return int(any(row.adapted.refused for row in rows))


if __name__ == "__main__":
    sys.exit(main())

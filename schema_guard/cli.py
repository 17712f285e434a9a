"""The command `schema-guard`: each subcommand is one call of the library.

Results go to stdout, progress and errors to stderr. Exit status: 0 good, 1 findings, 2 usage or environment.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import schema_guard
from schema_guard.errors import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

    from schema_guard.records import Store
    from schema_guard.records.declarations import RungStatus


class _Group(click.Group):
    """Suggests the nearest command for an unknown one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"no such command {safe(args[0])!r}{near}", ctx) from error


def main(argv: list[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if argv is None else argv
    stdout = sys.stdout
    try:
        status = command.main(arguments, prog_name="schema-guard", standalone_mode=False)
        print(end="", flush=True)
    except click.ClickException as error:
        return _told(error.format_message(), 2)
    except click.Abort:
        return _told("interrupted", 2)
    except (BrokenPipeError, SystemExit) as error:
        # When the reader of stdout has gone click puts another stream in its place and exits.
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        # Python would complain once more at its end.
        sys.stdout = None
        return 0
    except Exception as error:
        # The library's own errors, and those of a model or a file system.
        if "--debug" in arguments:
            raise
        # A subclass that users do not know goes by the name that they do.
        known = (
            kind.__name__
            for kind in type(error).__mro__
            if not kind.__module__.startswith("schema_guard.records")
        )
        return _told(f"{next(known)}: {error}", 2)
    return status if isinstance(status, int) else 0


def _told(message: str, status: int) -> int:
    # A message may name a key of a stranger's schema; the line breaks of a list of problems stay.
    lines = "\n".join(safe(line) for line in message.split("\n"))
    print(f"schema-guard: {lines}", file=sys.stderr)
    return status


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(schema_guard.__version__, prog_name="schema-guard")
def command() -> None:
    """Keep language-model calls to a schema, and measure how well that works.

    \b
    schema-guard check invoice.schema.json reply.txt     is this reply valid?
    schema-guard bench --model local                     how often does a model fail?
    schema-guard report                                  how often do my functions fail?
    schema-guard decide --schema Invoice                 is prompting enough? should we fine-tune?
    schema-guard climb --schema ticket                   measure the next remedies on a real model
    schema-guard watch --slo 0.01                        has the failure rate risen?
    schema-guard test invoice.schema.json                do the library's laws hold for my schema?
    """  # noqa: D301 - click's mark for lines that are not to be joined


def _shared(*names: str) -> Callable[[Any], Any]:
    """Give the options that several commands have, in one wording."""
    options = {
        "store": click.option("--store", metavar="URL", help="Where records are: sqlite:///FILE. Else $SCHEMA_GUARD_STORE, else the user's data folder."),
        "format": click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        "pages": click.option("--format", "form", type=click.Choice(["text", "json", "markdown", "html"]), default="text", show_default=True),
        "debug": click.option("--debug", is_flag=True, help="Show a traceback when something goes wrong."),
    }  # fmt: skip

    def add(function: Any) -> Any:
        for name in reversed(names):
            function = options[name](function)
        return function

    return add


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=True))


@command.command()
@click.argument("schema", type=click.Path())
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_shared("format", "debug")
def check(schema: str, files: tuple[str, ...], form: str, debug: bool) -> int:
    """Judge replies, or plain JSON documents, against SCHEMA.

    FILE is a text file, `-` for standard input, or a .jsonl file with one document a line.

    \b
    schema-guard check invoice.schema.json reply.txt
    model-call | schema-guard check invoice.schema.json -
    """  # noqa: D301
    from schema_guard.core.judge import judge  # noqa: PLC0415 - each command imports what it needs
    from schema_guard.core.schema import Schema  # noqa: PLC0415

    loaded = Schema.of(Path(schema))
    judged = [(name, judge(text, loaded, finish_reason="stop")) for name, text in _texts(files)]
    if form == "json":
        from schema_guard.report.figures import as_json  # noqa: PLC0415

        _print_json(
            [
                {
                    "file": name,
                    "ok": j.ok,
                    "form": j.form,
                    "failure": as_json(j.failure) if j.failure else None,
                }
                for name, j in judged
            ]
        )
    else:
        for name, judgement in judged:
            print("\n".join(_check_lines(name, judgement)))
    return 0 if all(judgement.ok for _, judgement in judged) else 1


def _check_lines(name: str, judgement: Any) -> list[str]:
    from schema_guard.core.explain import violation_lines  # noqa: PLC0415

    if judgement.ok:
        return [f"{safe(name)}: valid ({judgement.form})"]
    failure = judgement.failure
    told = violation_lines(failure.violations) or [f"    {safe(failure.message)}"]
    return [f"{safe(name)}: {failure.kind} {safe(failure.code)}", *told]


def _texts(files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{safe(name)}: {error.strerror}") from error
        # What is not UTF-8 becomes lone surrogates, which are refused as bad_unicode with their place.
        text = data.decode("utf-8", "surrogateescape")
        if name.endswith(".jsonl"):
            lines = text.splitlines() if "\u2028" not in text and "\x85" not in text else text.split("\n")
            yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
        else:
            yield name, text


@command.command()
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only calls from then on: 2026-11-01, 2026-11-01T08:00, or 90m, 24h, 7d ago.",
)
@_shared("store", "format", "debug")
def report(
    schema: str | None, function: str | None, since: str | None, store: str | None, form: str, debug: bool
) -> int:
    """Show failure rates with bounds, what failed and where, tokens and seconds.

    \b
    schema-guard report
    schema-guard report --since 24h --function shop.extract_invoice
    schema-guard report --format json | jq '.configurations[].unhandled'
    """  # noqa: D301
    from schema_guard.report import as_json, as_text, report_on  # noqa: PLC0415

    found = report_on(_readable(store), since=_since(since), schema=schema, function=function)
    if form == "json":
        _print_json(as_json(found))
    else:
        print(as_text(found))
    return 0


def _readable(url: str | None) -> Store:
    from schema_guard.records import default_store, resolve_store  # noqa: PLC0415

    found = default_store() if url is None else resolve_store(url)
    if found is None:
        raise click.UsageError(
            "no store: $SCHEMA_GUARD_STORE is 'none'; name one with --store sqlite:///FILE"
        )
    return found


_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _since(given: str | None) -> float | None:
    """Read a point in time: an ISO date, local time unless it says otherwise, or so long ago."""
    if given is None:
        return None
    ago = _AGO.fullmatch(given)
    try:
        if ago:
            return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        return datetime.fromisoformat(given).timestamp()
    except (ValueError, OverflowError) as error:
        raise click.UsageError(
            f"--since {safe(given)!r}: expected a date such as 2026-11-01, or 90m, 24h, 7d"
        ) from error


@command.command()
@click.argument("suite", default="builtin")
@click.option(
    "--model",
    default="local",
    show_default=True,
    metavar="NAME",
    help="local, openai:NAME, http://HOST:PORT/v1#NAME, scripted:FILE.",
)
@click.option(
    "--strategy",
    "strategies",
    default="system_prompt,few_shot,strict_schema",
    show_default=True,
    metavar="LIST",
    help="Separated by commas; a>b goes on to b after a failed attempt.",
)
@click.option(
    "--max-attempts", type=click.IntRange(min=1), default=2, show_default=True, help="Of each call."
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once."
)
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
)
@_shared("store", "format", "debug")
def bench(  # noqa: PLR0913, PLR0917 - one parameter an option
    suite: str, model: str, strategies: str, max_attempts: int, concurrency: int, output: str | None,
    store: str | None, form: str, debug: bool,
) -> int:  # fmt: skip
    """Measure how often a model keeps to the schemas of SUITE, and how often it is right.

    SUITE is a folder, or `builtin`. Every attempt is recorded.

    \b
    schema-guard bench --model local
    schema-guard bench schemas --model http://localhost:8000/v1#qwen3 --strategy system_prompt,json_mode
    """  # noqa: D301
    from schema_guard.bench.result import result_as_json, result_as_text, result_of  # noqa: PLC0415
    from schema_guard.bench.runner import most_output_tokens, run  # noqa: PLC0415
    from schema_guard.bench.suite import load_suite  # noqa: PLC0415
    from schema_guard.models import connect  # noqa: PLC0415
    from schema_guard.records import default_store, open_store, resolve_store  # noqa: PLC0415
    from schema_guard.report import report_on  # noqa: PLC0415

    names = list(dict.fromkeys(name.strip() for name in strategies.split(",") if name.strip()))
    loaded = load_suite(suite)
    # A benchmark without a store still needs its records for the report: they live in memory then.
    records = (default_store() if store is None else resolve_store(store)) or open_store("sqlite://")
    assert records is not None
    tasks = sum(len(entry.tasks_of("test")) for entry in loaded.schemas)
    at_most = most_output_tokens(loaded, names, max_attempts=max_attempts)
    print(
        f"{tasks * len(names)} calls, at most {at_most} tokens of output; records go to {records.url}",
        file=sys.stderr,
    )
    connected = connect(model)
    with _progress(tasks) as on_call:
        finished = run(
            loaded,
            connected,
            names,
            store=records,
            max_attempts=max_attempts,
            concurrency=concurrency,
            on_call=lambda one: on_call(one.strategy, one.outcome.ok),
        )
    records.flush(10.0)
    result = result_of(finished, report_on(records, function=finished.id))
    if output is not None:
        Path(output).write_text(json.dumps(result_as_json(result), indent=2) + "\n", encoding="utf-8")
    if form == "json":
        _print_json(result_as_json(result))
    else:
        print(result_as_text(result))
    return 0


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, bool], None]]:
    """Show a bar on stderr for what is asked, and the running count of calls without a valid value.

    Args:
        total: Calls of each thing that is asked; the bar begins anew with the next one.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        asked: dict[str, TaskID] = {}
        failed: Counter[str] = Counter()
        done: Counter[str] = Counter()

        def on_call(what: str, ok: bool) -> None:
            if what not in asked:
                asked[what] = bar.add_task(what, total=total)
            done[what] += 1
            failed[what] += not ok
            bar.update(asked[what], advance=1, description=f"{what}, {failed[what]}/{done[what]} unhandled")

        yield on_call


@command.command()
@click.argument("suite", default="builtin")
@click.option(
    "--schema",
    required=True,
    metavar="NAME",
    help="A schema of the suite, or a JSON Schema file with --inputs.",
)
@click.option(
    "--inputs",
    metavar="FILE",
    help="Your own inputs: .txt or .jsonl, one a line. Else the suite's test tasks.",
)
@click.option(
    "--model", default="local", show_default=True, metavar="NAME", help="Whom to ask, as in `bench`."
)
@click.option("--larger", metavar="NAME", help="Whom the last rung asks.")
@click.option(
    "--target",
    type=float,
    default=0.01,
    show_default=True,
    metavar="RATE",
    help="The unhandled rate that is good enough.",
)
@click.option("--first", default="system_prompt", show_default=True, metavar="RUNG", help="Where to begin.")
@click.option("--decline", multiple=True, metavar="RUNG=REASON", help="A remedy that is not to be tried.")
@click.option(
    "--with", "given", metavar="FILE", help="JSON of what no climb measures: economics, feasibility ..."
)
@click.option("--max-calls", type=click.IntRange(min=1), help="Over all rungs.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), help="Generated over all rungs.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="From the first call.")
@click.option(
    "--output-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Limit of one attempt.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="The provider's own arguments: temperature=0.7.",
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of the inputs.")
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
)
@_shared("store", "format", "debug")
def climb(  # noqa: PLR0913, PLR0917 - one parameter an option
    suite: str, schema: str, inputs: str | None, model: str, larger: str | None, target: float, first: str,
    decline: tuple[str, ...], given: str | None, max_calls: int | None, max_output_tokens: int | None,
    max_seconds: float | None, output_tokens: int, options: tuple[str, ...], concurrency: int, seed: int,
    output: str | None, store: str | None, form: str, debug: bool,
) -> int:  # fmt: skip
    """Measure the next remedies of the ladder on a real model, each on the same inputs, until the verdict is clear.

    A rung stops as soon as its rate is proved to be on one side of --target. Exit status as in `decide`.

    \b
    schema-guard climb --schema ticket --model local --target 0.1
    schema-guard climb --schema invoice.schema.json --inputs mails.jsonl --model openai:gpt-5-mini --max-calls 2000
    """  # noqa: D301
    from schema_guard.bench.climb.result import climb_as_json, climb_as_text  # noqa: PLC0415
    from schema_guard.bench.climb.run import climb as climbed  # noqa: PLC0415
    from schema_guard.bench.climb.settings import ClimbBudget, ClimbSettings  # noqa: PLC0415
    from schema_guard.decide.ladder import RUNGS  # noqa: PLC0415
    from schema_guard.models import connect  # noqa: PLC0415
    from schema_guard.records import default_store, resolve_store  # noqa: PLC0415

    asked = _climb_inputs(suite, schema, inputs, seed)
    declined = dict(_reasoned(text, RUNGS) for text in decline)
    settings = ClimbSettings(
        target=target,
        first=first,
        declined=declined,
        given={} if given is None else _json_file(given),
        output_tokens=output_tokens,
        options=dict(map(_option, options)),
        budget=ClimbBudget(max_calls, max_output_tokens, max_seconds),
        concurrency=concurrency,
    )
    records = default_store() if store is None else resolve_store(store)
    told = f"{len(asked.tasks)} inputs a rung; records go to {records.url if records else 'no store'}"
    print(told, file=sys.stderr)
    with _progress(len(asked.tasks)) as on_call:
        result = climbed(
            asked,
            connect(model),
            larger=None if larger is None else connect(larger),
            store=records,
            settings=settings,
            on_asked=lambda one: on_call(one.rung, one.outcome is not None and one.outcome.ok),
        )
    if records is not None:
        records.flush(10.0)
        # What `decide` will say of these calls later is to know of them too.
        for rung, reason in declined.items():
            records.declare_rung(asked.schema.fingerprint, rung, "declined", reason)
    if output is not None:
        Path(output).write_text(json.dumps(climb_as_json(result), indent=2) + "\n", encoding="utf-8")
    if form == "json":
        _print_json(climb_as_json(result))
    else:
        print(climb_as_text(result))
    return result.verdict.exit_code()


def _climb_inputs(suite: str, schema: str, inputs: str | None, seed: int) -> Any:
    """Give what a climb asks: a suite's schema, or a file's with inputs of the user's."""
    from schema_guard.bench.climb.inputs import inputs_of, read_texts, suite_inputs  # noqa: PLC0415
    from schema_guard.bench.suite import load_suite  # noqa: PLC0415
    from schema_guard.core.schema import Schema  # noqa: PLC0415

    texts = None if inputs is None else read_texts(inputs)
    if schema.endswith(".json"):
        if texts is None:
            raise click.UsageError("--schema FILE needs --inputs FILE: a schema of one's own has no tasks")
        return inputs_of(Schema.of(Path(schema)), texts, seed=seed)
    entries = {entry.name: entry for entry in load_suite(suite).schemas}
    if schema not in entries:
        raise click.UsageError(
            f"no schema {safe(schema)!r} in the suite, only {', '.join(entries)}{did_you_mean(schema, entries)}"
        )
    return suite_inputs(entries[schema], texts=texts, seed=seed)


def _option(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator:
        raise click.UsageError(f"--option {safe(text)!r}: expected KEY=VALUE, such as temperature=0.7")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@command.command()
@click.option(
    "--evidence", metavar="FILE", help="Decide on this JSON file, - for standard input; else on the store."
)
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function, and trials under its schema.")
@click.option("--since", metavar="TIME", help="Only calls from then on, as in `report`.")
@click.option(
    "--with",
    "given",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="JSON of what a store cannot know: economics, feasibility, config, latency ...",
)
@click.option(
    "--prices", metavar="SOURCE", help="Token prices: a JSON file, litellm's price file, or genai-prices."
)
@click.option(
    "--target",
    type=float,
    metavar="RATE",
    help="The unhandled rate that is good enough; kept in the store, with its date.",
)
@click.option(
    "--decline",
    multiple=True,
    metavar="RUNG=REASON",
    help="A remedy that you do not want; kept in the store.",
)
@click.option(
    "--not-applicable",
    multiple=True,
    metavar="RUNG=REASON",
    help="A remedy that cannot be; kept in the store.",
)
@click.option(
    "--what-if", multiple=True, metavar="KEY=VALUE", help="Decide as if: failure_cost=0.1, target=0.02 ..."
)
@click.option("--require-proof", is_flag=True, help="Exit 1 also when more data is needed.")
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write there and not to stdout."
)
@_shared("store", "pages", "debug")
def decide(  # noqa: PLR0913, PLR0917 - one parameter an option
    evidence: str | None, schema: str | None, function: str | None, since: str | None, given: str | None,
    prices: str | None, target: float | None, decline: tuple[str, ...], not_applicable: tuple[str, ...],
    what_if: tuple[str, ...], require_proof: bool, output: str | None, store: str | None, form: str, debug: bool,
) -> int:  # fmt: skip
    """Say whether prompting is enough, what to try next, or whether to fine-tune: with the arithmetic.

    Exit 0: PROMPTING_ENOUGH, FINE_TUNE_FOR_COST, NEED_MORE_DATA (1 with --require-proof); 1: every other verdict.

    \b
    schema-guard decide --schema Invoice --target 0.01
    schema-guard decide --with costs.json --prices genai-prices --format html --output decision.html
    schema-guard decide --evidence evidence.json --what-if failure_cost=0.1 --format json
    """  # noqa: D301
    from schema_guard.decide import decide as verdict_on  # noqa: PLC0415
    from schema_guard.decide import what_if as changed  # noqa: PLC0415

    paths = None
    if evidence is not None:
        known = _json_file(evidence)
        if target is not None:
            known = changed(known, [f"config.target={target!r}"])
        if schema or function or since or given or prices or decline or not_applicable:
            raise click.UsageError(
                "--evidence stands alone: what is in the file is decided on, not the store"
            )
    else:
        extra = {} if given is None else _json_file(given)
        if prices is not None and "economics" not in extra:
            raise click.UsageError(
                "--prices needs --with FILE that has 'economics': a price alone costs nothing"
            )
        reasons: dict[RungStatus, tuple[str, ...]] = {"declined": decline, "not_applicable": not_applicable}
        known, paths = _gathered(
            _readable(store), schema, function, _since(since), extra, prices, target, reasons
        )
    supposed = changed(known, what_if)
    if what_if:
        supposed["notes"] = [*supposed.get("notes", ()), *(f"what if {change}" for change in what_if)]
    verdict = verdict_on(supposed)
    page = _decision(verdict, form, paths)
    if output is None:
        print(page)
    else:
        Path(output).write_text(page + "\n", encoding="utf-8")
        print(f"{verdict.verdict}: {safe(verdict.why)}")
    return verdict.exit_code(require_proof=require_proof)


def _gathered(  # noqa: PLR0913, PLR0917 - what `decide` was given
    store: Store,
    schema: str | None,
    function: str | None,
    since: float | None,
    given: dict[str, Any],
    prices: str | None,
    target: float | None,
    reasons: dict[RungStatus, tuple[str, ...]],
) -> tuple[dict[str, Any], dict[str, list[tuple[int, int]]]]:
    """Read the evidence, when what the user declares has been stored."""
    from schema_guard.decide.gather import gather  # noqa: PLC0415
    from schema_guard.decide.ladder import RUNGS  # noqa: PLC0415

    def read() -> Any:
        return gather(store, schema=schema, function=function, since=since, given=given, prices=prices)

    found = read()
    declared = [(status, *_reasoned(text, RUNGS)) for status, texts in reasons.items() for text in texts]
    if target is None and not declared:
        return found.evidence, found.paths
    if found.schema_fingerprint is None:
        raise click.UsageError(
            "--target, --decline and --not-applicable are about one schema: name it with --schema"
        )
    if target is not None and [past.target for past in store.targets(found.schema_fingerprint)][-1:] != [
        target
    ]:
        store.set_target(found.schema_fingerprint, target)
    for status, rung, reason in declared:
        store.declare_rung(found.schema_fingerprint, rung, status, reason)
    found = read()
    return found.evidence, found.paths


def _reasoned(text: str, rungs: tuple[str, ...]) -> tuple[str, str]:
    rung, _, reason = text.partition("=")
    if rung not in rungs:
        raise click.UsageError(
            f"no rung {safe(rung)!r}: expected one of {' '.join(rungs)}{did_you_mean(rung, rungs)}"
        )
    if not reason.strip():
        raise click.UsageError(
            f"{safe(text)!r}: expected RUNG=REASON; a rung without a reason counts as untested"
        )
    return rung, reason.strip()


def _json_file(name: str) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{safe(name)}: expected a JSON file: {safe(str(error))}") from error
    if not isinstance(found, dict):
        raise click.UsageError(f"{safe(name)}: expected a JSON object, got {type(found).__name__}")
    return found


def _decision(verdict: Any, form: str, paths: dict[str, list[tuple[int, int]]] | None) -> str:
    if form == "json":
        return json.dumps(verdict.as_dict(), indent=2, ensure_ascii=True)
    if form == "html":
        from schema_guard.report.decision_page import decision_page  # noqa: PLC0415

        return decision_page(verdict, paths=paths)
    from schema_guard.report.decision import decision_as_markdown, decision_as_text  # noqa: PLC0415

    return decision_as_markdown(verdict) if form == "markdown" else decision_as_text(verdict)


@command.command()
@click.option(
    "--slo", type=float, required=True, metavar="RATE", help="The largest unhandled rate that is good enough."
)
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option("--since", metavar="TIME", help="Only calls from then on, as in `report`.")
@_shared("store", "format", "debug")
def watch(  # noqa: PLR0913, PLR0917 - one parameter an option
    slo: float,
    schema: str | None,
    function: str | None,
    since: str | None,
    store: str | None,
    form: str,
    debug: bool,
) -> int:
    """Say in one line whether a function's unhandled rate is proved to be above --slo, or has risen; exit 1 if so.

    For cron and CI: nothing is sent anywhere.

    \b
    schema-guard watch --slo 0.01 --since 7d
    """  # noqa: D301
    from schema_guard.decide.watch import watch as look  # noqa: PLC0415
    from schema_guard.report.figures import as_json  # noqa: PLC0415
    from schema_guard.report.watched import watched_as_text  # noqa: PLC0415

    watched = look(_readable(store), slo, schema=schema, function=function, since=_since(since))
    if form == "json":
        _print_json({"slo": slo, "watched": as_json(watched)})
    else:
        print(watched_as_text(watched, slo))
    return 0 if all(one.is_fine for one in watched) else 1


@command.command()
@click.argument("schema", type=click.Path())
@click.option(
    "--examples", type=click.IntRange(min=1), default=100, show_default=True, help="Draws for each law."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@_shared("format", "debug")
def test(schema: str, examples: int, seed: int, form: str, debug: bool) -> int:
    """Try on SCHEMA the laws that must hold for every schema, with drawn instances and replies; exit 1 if one fails.

    \b
    schema-guard test invoice.schema.json
    schema-guard test invoice.schema.json --examples 2000 --format json
    """  # noqa: D301
    from schema_guard.core.schema import Schema  # noqa: PLC0415
    from schema_guard.errors import missing_extra  # noqa: PLC0415
    from schema_guard.report.figures import as_json  # noqa: PLC0415

    try:
        from schema_guard.testing.laws import laws_as_text, try_laws  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise missing_extra("schema-guard test", "hypothesis", "testing") from error
    loaded = Schema.of(Path(schema))
    tried = list(try_laws(loaded, examples=examples, seed=seed))
    if form == "json":
        _print_json({"schema": loaded.name, "fingerprint": loaded.fingerprint, "laws": as_json(tried)})
    else:
        print(laws_as_text(loaded, tried))
    return 1 if any(one.held is False for one in tried) else 0


@command.command()
@_shared("store", "format", "debug")
def doctor(store: str | None, form: str, debug: bool) -> int:
    """Show versions, extras, the store and the local model's weights: what to send with a bug report.

    \b
    schema-guard doctor
    schema-guard doctor --format json --store sqlite:///records.db
    """  # noqa: D301
    from schema_guard.doctor import findings  # noqa: PLC0415

    found = findings(store)
    if form == "json":
        _print_json(found)
        return 0
    for name, value in found.items():
        lines = [f"{key}: {part}" for key, part in value.items()] if isinstance(value, dict) else [str(value)]
        print(f"{name:<12}{safe(lines[0])}")
        for line in lines[1:]:
            print(f"{'':<12}{safe(line)}")
    return 0

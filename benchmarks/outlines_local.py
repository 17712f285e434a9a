"""Compare llama.cpp with quantized weights and outlines with the same weights dequantized, on eight built-in schemas.

    python benchmarks/outlines_local.py [--tasks 48] [--output benchmarks/results/FILE.txt]

Both get the same tasks in the same prompts, with `strict_schema` and one attempt. Their replies can differ, because
they compute in different precision. A reply that is not cut off must be valid, and an unsupported schema must be
reported before the call. Ctrl-C ends the script early, with the results until then. The script needs the extras local
and outlines, and torch, transformers, and gguf. Each engine uses one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from schema_guard import connect
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.run.plan import PlanSettings, Variant, plan_of
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument
from schema_guard.models import local_weights
from schema_guard.providers.options import options_for
from schema_guard.stats import bounds
from schema_guard.text import interval, percent

SCHEMAS = ("contact", "event", "invoice", "payment", "poll", "product", "sensor", "tool_call")
MODELS = {"llama.cpp": "llamacpp-llguidance", "outlines": "outlines"}
PACKAGES = ("xllamacpp", "outlines", "llguidance", "transformers", "torch")
# Keywords that llguidance does not take, one a schema.
NOT_TAKEN: tuple[dict[str, Any], ...] = (
    {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    {"type": "object", "not": {"required": ["a"]}},
    {"type": "string", "pattern": "^(?!x)"},
    {"type": "object", "propertyNames": {"maxLength": 3}},
    {"type": "object", "dependentRequired": {"a": ["b"]}},
    {"type": "array", "contains": {"const": 1}},
    {"if": {"type": "string"}, "then": {"maxLength": 3}},
)


def outlines_model() -> Any:
    """Return a model of outlines with the local model's weights, loaded by Transformers."""
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    import outlines
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    weights = local_weights()
    named: dict[str, Any] = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
    loaded = transformers.AutoModelForCausalLM.from_pretrained(**named)
    return outlines.from_transformers(loaded, transformers.AutoTokenizer.from_pretrained(**named))


def told(provider: str, schemas: list[Any]) -> int:
    """Return the number of schemas that are refused before a call."""
    refused = 0
    for schema in schemas:
        try:
            options_for(provider, "strict_schema", schema)
        except InvalidArgument:
            refused += 1
    return refused


def share(count: int, of: int) -> str:
    """Return a rate with its bounds as text."""
    result = bounds(count, of)
    return f"{count}/{of} ({percent(count / of)} {interval(result.lower, result.upper)})"


def main() -> None:
    """Run both, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=48, help="of the eight schemas together")
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    builtin = load_suite("small")
    suite = replace(builtin, schemas=tuple(one for one in builtin.schemas if one.name in SCHEMAS))
    variants = [Variant(name, name, "strict_schema") for name in MODELS]
    plan = plan_of(suite, variants, PlanSettings(max_attempts=1, sample=value.tasks))
    models = {
        "llama.cpp": connect("local"),
        "outlines": connect(outlines_model(), options={"do_sample": False}),
    }
    asked = run(
        plan,
        models,
        settings=RunSettings(concurrency=1),
        on_call=lambda call: print(call.variant, call.task, call.format, file=sys.stderr, flush=True),
    )
    text = "\n".join(lines(asked, builtin)) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


def lines(asked: Any, builtin: Any) -> Any:
    """Yield the lines of the result."""
    from schema_guard import Schema

    result = result_of(asked)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield f"llama.cpp and outlines on the same weights, {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"{packages}; tasks of {', '.join(SCHEMAS)}; strict_schema, 1 attempt"
    yield ""
    for index, variant in enumerate(result.variants):
        calls = [call for call in asked.calls if call.variant == index]
        failed = [failure for call in calls for failure in call.failures]
        cut = sum(failure.kind == "truncation" for failure in failed)
        whole = len(calls) - cut
        broken = sum(failure.keyword is not None for failure in failed)
        others = Counter(
            f"{one.kind} {one.code}" for one in failed if one.kind != "truncation" and one.keyword is None
        )
        leaves = variant.leaf_share
        yield f"{variant.name}:"
        yield f"  cut off                           {share(cut, len(calls))}"
        yield f"  schema violations of those whole  {share(broken, whole)}"
        yield f"  other failures                    {', '.join(f'{kind} {n}' for kind, n in others.items()) or 'none'}"
        limits = (
            "bounds not measured"
            if leaves.lower is None or leaves.upper is None
            else interval(leaves.lower, leaves.upper)
        )
        yield f"  leaves right                      {percent(leaves.rate)} {limits}, n {leaves.n}"
        yield f"  lost calls                        {variant.formats.get('lost', 0)}"
    yield ""
    for name, provider in MODELS.items():
        schemas = [entry.schema for entry in builtin.schemas]
        yield (
            f"told before the call, {name}: {told(provider, schemas)} of {len(schemas)} built-in schemas, "
            f"{told(provider, [Schema.of(one) for one in NOT_TAKEN])} of {len(NOT_TAKEN)} with a keyword that llguidance does not take"
        )
    used = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    asked_of = f"{len(asked.calls)} calls for {asked.setup.tasks} tasks of {asked.setup.suite_tasks}"
    yield f"{asked_of}{''.join(f', {why}' for why in asked.setup.stopped)}; {used / 60:.0f} minutes of one core"


if __name__ == "__main__":
    main()

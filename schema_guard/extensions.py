# SPDX-License-Identifier: Apache-2.0
"""The table of optional parts, and the protocols of their objects.

The product never imports a module of `schema_guard.ext`. It loads objects of parts by name, so it works without any
part. The protocols describe these objects for type checkers.
"""

from __future__ import annotations

from schema_guard.errors import MissingPart

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol, TypeAlias

    # The public names that parts offer, for type checkers.
    from schema_guard.ext.decisions.tries import Try as Try
    from schema_guard.ext.fitting.adapting import Adapted as Adapted
    from schema_guard.ext.fitting.adapting import SchemaChange as SchemaChange
    from schema_guard.ext.fitting.adapting import adapt as adapt
    from schema_guard.ext.fitting.linting import Finding as Finding
    from schema_guard.ext.fitting.linting import lint as lint
    from schema_guard.ext.local.weights import local_weights as local_weights
    from schema_guard.ext.loopback.server import FAULTS as FAULTS
    from schema_guard.ext.loopback.server import Request as Request
    from schema_guard.ext.loopback.server import Server as Server
    from schema_guard.ext.loopback.server import serve as serve
    from schema_guard.ext.loopback.tuning import TUNING_FAULTS as TUNING_FAULTS
    from schema_guard.ext.loopback.tuning import TuningServer as TuningServer
    from schema_guard.ext.loopback.tuning import serve_tuning as serve_tuning
    from schema_guard.ext.right.content import Content as Content
    from schema_guard.ext.right.second import Second as Second
    from schema_guard.ext.rows.enforce import enforce_dataset as enforce_dataset
    from schema_guard.ext.streaming.checker import PrefixChecker as PrefixChecker
    from schema_guard.ext.streaming.checker import prefix_checker as prefix_checker
    from schema_guard.ext.tools.decorator import guard_tools as guard_tools
    from schema_guard.ext.tools.errors import ToolCallsFailed as ToolCallsFailed
    from schema_guard.ext.tools.judging import CallJudgement as CallJudgement
    from schema_guard.ext.tools.judging import judge_calls as judge_calls
    from schema_guard.ext.tuning.routing.policy import Evidence as Evidence
    from schema_guard.ext.tuning.routing.rollout import Rollout as Rollout
    from schema_guard.ext.tuning.routing.router import Router as Router
    from schema_guard.values import Ask, Failure, OpenPath

    class ServerRules(Protocol):
        """The result of a probe of a server."""

        @property
        def name(self) -> str:
            """The provider whose rules these are."""

    RulesLike: TypeAlias = str | os.PathLike[str] | ServerRules
    """The file that `schema-guard schema probe --output` wrote, or the rules read from it."""

    class Change(Protocol):
        """A keyword of a schema that is sent in another form, or not at all."""

        @property
        def location(self) -> str:
            """JSON Pointer in the user's schema; "" is the root."""

        @property
        def keyword(self) -> str:
            """The keyword; "" for the schema as a whole."""

        @property
        def reason(self) -> str:
            """The change, and its reason."""

    class Adaptation(Protocol):
        """A schema in the form that a provider takes."""

        @property
        def schema(self) -> Any:
            """The schema to send. None if there is none that a reply could keep to."""

        @property
        def relaxed(self) -> Sequence[Change]:
            """Keywords that the provider does not enforce."""

        @property
        def narrowed(self) -> Sequence[Change]:
            """Keywords that rule out right answers."""

        @property
        def is_same_form(self) -> bool:
            """Whether values have the same form as those of the user's schema."""

        def restore(self, value: Any) -> Any:
            """Convert a value of the form that was sent into the form of the user's schema."""

        def grown(self, value: Any, path: OpenPath | None) -> tuple[Any, OpenPath | None] | None:
            """Convert a value that is incomplete. None if its form is not known yet."""

    class TextChecker(Protocol):
        """Checks a reply against a schema while it arrives."""

        def feed(self, piece: str) -> Failure | None:
            """Read the next piece. Return a failure if no continuation can be valid."""

    class Growth(Protocol):
        """Reads the values of a reply while it arrives."""

        def feed(self, piece: str | Ask | None) -> Iterator[Any]:
            """Read the next piece, and yield the value so far if it has changed."""

    class Repaired(Protocol):
        """A reading of malformed JSON."""

        @property
        def text(self) -> str:
            """The JSON."""

        @property
        def steps(self) -> tuple[str, ...]:
            """The names of the repair steps."""

        @property
        def lossless(self) -> bool:
            """Whether no step changed the meaning."""


def _names(module: str, *names: str) -> dict[str, str]:
    return {f"name:{name}": f"schema_guard.ext.{module}:{name}" for name in names}


_SENT_SCHEMA = "schema_guard.ext.fitting.sent_schema:sent_schema"
PARTS = {
    # Names of `schema_guard`, `schema_guard.bench`, `schema_guard.models`, and `schema_guard.testing`.
    **_names("decisions.tries", "Try"),
    **_names("fitting.adapting", "Adapted", "SchemaChange", "adapt"),
    **_names("fitting.linting", "Finding", "lint"),
    **_names("local.weights", "local_weights"),
    **_names("loopback.server", "FAULTS", "Request", "Server", "serve"),
    **_names("loopback.tuning", "TUNING_FAULTS", "TuningServer", "serve_tuning"),
    **_names("right.content", "Content"),
    **_names("right.second", "Second"),
    **_names("rows.enforce", "enforce_dataset"),
    **_names("streaming.checker", "PrefixChecker", "prefix_checker"),
    **_names("tools.decorator", "guard_tools"),
    **_names("tools.errors", "ToolCallsFailed"),
    **_names("tools.judging", "CallJudgement", "judge_calls"),
    **_names("tuning.routing.policy", "Evidence"),
    **_names("tuning.routing.rollout", "Rollout"),
    **_names("tuning.routing.router", "Router"),
    # Decision models.
    "decisions:steps": "schema_guard.ext.decisions.steps:with_answers",
    "profile:decisions": "schema_guard.ext.decisions.profile",
    # Strategies that send a schema to a provider.
    "strategy:decision": "schema_guard.ext.decisions.profile:sent_questions",
    **dict.fromkeys(("strategy:json_mode", "strategy:strict_schema", "strategy:tool_call"), _SENT_SCHEMA),
    # Options of guards and models.
    "option:early_stop": "schema_guard.ext.streaming.checker:prefix_checker",
    "option:prompt_file": "schema_guard.ext.improve.prompt_file:read_prompt",
    "option:options": "schema_guard.ext.redaction:redacted_value",
    "option:repair": "schema_guard.ext.repair",
    "option:rules": "schema_guard.ext.fitting.probed_rules:table_of",
    "option:stream": "schema_guard.ext.streaming.growing_value:Growing",
    "model:local-decisions": "schema_guard.ext.decisions.local:connected",
    "model:decisions": "schema_guard.ext.decisions.model:connected",
    "model:litellm-decisions": "schema_guard.ext.decisions.litellm:connected",
    "model:local": "schema_guard.ext.local.llama_server:connect_local",
    "model:outlines": "schema_guard.ext.local.outlines_model:OutlinesModel",
    "model:tuned": "schema_guard.ext.tuning.tuned_model:tuned_model",
    "telemetry": "schema_guard.ext.telemetry.switch:enable_from_env",
    # Stores, and their texts.
    "payload:redacted": "schema_guard.ext.redaction:redacted_value",
    "store:postgresql": "schema_guard.ext.postgres.database:connected",
    # Commands, and options of commands.
    "command:comment": "schema_guard.ext.channels.comment_command:command",
    "command:demo": "schema_guard.ext.demo.command:command",
    "command:improve": "schema_guard.ext.improve.command:command",
    "command:label": "schema_guard.ext.right.command:command",
    "command:schema lint": "schema_guard.ext.fitting.lint_command:command",
    "command:schema probe": "schema_guard.ext.fitting.probe_command:command",
    "command:store export": "schema_guard.ext.transfer.commands.export:command",
    "command:store import": "schema_guard.ext.transfer.commands.import_:command",
    "command:tune": "schema_guard.ext.tuning.commands:command",
    "option:--from": "schema_guard.ext.traces.command",
    "option:--playbook": "schema_guard.ext.playbook.command:run_command",
    "executor:ray": "schema_guard.ext.rows.bench_on_ray:executor",
    "content": "schema_guard.ext.right.figures",
    "content:known": "schema_guard.ext.right.pool",
    "recorders": "schema_guard.ext.recorders:FRAMEWORKS",
    "option:--serve": "schema_guard.ext.serving:serve_report",
    "channels": "schema_guard.ext.channels",
    "provider:llguidance": "schema_guard.ext.local.grammar",
    "local": "schema_guard.ext.local.weights",
    "suites": "schema_guard.ext.suites",
    "frames": "schema_guard.ext.transfer.frames",
    "notebook": "schema_guard.ext.notebook.frame",
}
"""`KIND:NAME` of an object -> `MODULE:NAME`, or a whole module."""


def load(what: str) -> Any:
    """Import an object of a part.

    Args:
        what: A key of `PARTS`.

    Returns:
        The object, or the module when the table names no object of it.

    Raises:
        MissingPart: This installation lacks the part.
    """
    from importlib import import_module  # loaded only with a part

    module, _, name = PARTS[what].partition(":")
    try:
        imported = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise _missing(what) from error
    return getattr(imported, name) if name else imported


def require(what: str) -> None:
    """Check that a part is installed, without importing it.

    Args:
        what: A key of `PARTS`.

    Raises:
        MissingPart: This installation lacks the part.
    """
    from importlib.util import find_spec  # as above

    from schema_guard.interruptions import value_or

    # Without `ext` itself, it raises.
    if value_or(None, find_spec, _part(what)) is None:
        raise _missing(what)


def _part(what: str) -> str:
    return ".".join(PARTS[what].partition(":")[0].split(".")[:3])


def _missing(what: str) -> MissingPart:
    kind, _, name = what.partition(":")
    return MissingPart(f"{kind}{name and f' {name!r}'} needs {_part(what)}. Reinstall schema-guard to get it")

# SPDX-License-Identifier: Apache-2.0
"""The loop: request a reply, validate it, retry. A generator that does no I/O.

It yields an `Ask` for each attempt, `More` or `Stop` after each chunk, and `Done` last. The driver sends it `Chunk`s and
one `Reply` for each Ask. A whole reply is a `Reply` without chunks before it, so one loop serves sync, async, and
streaming.

Rules:
1. All attempts except the last one failed. The loop requests at most max_attempts. A library inside the function can
   report more, and the loop doesn't retry after its attempts.
2. A refusal and a failed call are never retried. A reply that was cut off is retried only with a larger output limit, so
   by default it ends the call. A reply that repeated itself, or that was spent on reasoning, is retried with the same
   limit, because no larger one fixes it.
3. No text makes it raise. If a check of the user returns neither a text nor a bool, it raises `InvalidArgument`.
4. It checks the budgets between attempts. It checks time, size, repeats, and violations also between chunks. The events
   have all times.
5. If it stopped a reply because of a violation, that violation is the failure. It validates the other stopped replies
   (repeats, size, time), because their text may hold a complete value. A retry after a stop has the same output limit.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

from schema_guard import prompting
from schema_guard.configuration.model_names import is_tuned, model_and_snapshot, priced_name
from schema_guard.judging import Terms, judge_reply, judge_value
from schema_guard.text import clip
from schema_guard.validation.failures import REASONING_EXHAUSTED
from schema_guard.values import (
    HANDED_OVER,
    NOT_FIXED_BY_LIMIT,
    Ask,
    Attempt,
    Chunk,
    Failure,
    Judgement,
    More,
    Outcome,
    ParsedValue,
    Reply,
    Stop,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from schema_guard.limits import Limits
    from schema_guard.strategies import Plan, Price, Step
    from schema_guard.values import Call, Prompt

V = TypeVar("V")
Flow: TypeAlias = "Generator[Ask | More | Stop | Done[Any], Chunk | Reply | None, None]"
_UNNAMED = (None, None)
_OUT_OF_TIME = Failure("transport", "cancelled", "the time limit ended before the reply was complete")


class Done(Generic[V]):
    """The last event of the loop: its result.

    Attributes:
        ok: As in `Outcome`.
        value: As in `Outcome`.
    """

    __slots__ = ("_make", "_outcome", "ok", "value")

    def __init__(self, ok: bool, value: V | None, make: Callable[[], Outcome[V]]) -> None:
        """Make an end. *make* builds the outcome."""
        self.ok = ok
        self.value = value
        self._make = make
        self._outcome: Outcome[V] | None = None

    @property
    def outcome(self) -> Outcome[V]:
        """The outcome of the call, built at the first access."""
        if self._outcome is None:
            self._outcome = self._make()
        return self._outcome


class Tried(NamedTuple):
    """An attempt that has ended: the facts to build its `Attempt` for an outcome.

    Attributes:
        ask: The request for the attempt.
        text: Text of the reply.
        reply: The reply.
        judged: Result of the validation.
        step: Strategy and schema of the attempt.
        gateway_repaired: Whether a gateway may have repaired the reply.
    """

    ask: Ask
    text: str
    reply: Reply
    judged: Judgement[Any]
    step: Step
    gateway_repaired: bool


def enforce(task: Prompt, plan: Plan, call: Callable[[], Call]) -> Flow:
    """Run one guarded call.

    Args:
        task: The task of the caller.
        plan: The prompts to send, and the values to accept.
        call: Returns the facts about the call, for its outcome. If they name no model, the first reply that names one
            decides.

    Yields:
        An `Ask` for each attempt, then `More` or `Stop` after each `Chunk`. `Done` is the last item.
    """
    tried: list[Tried] = []
    named: str | None = None
    output_tokens = plan.limits.output_tokens
    correction: str | None = None
    while True:
        number = len(tried) + 1
        fixed = step = plan.step(number)
        if fixed.after is not None:
            step = fixed.after(fixed, tried)
        prompt = _prompt(task, step, tried, correction, plan)
        ask = Ask(
            number, step.strategy.name, prompt, correction, output_tokens, None if step is fixed else step
        )
        event = yield ask
        if type(event) is Chunk:
            event = yield from _gathered(event, plan, step, tried)
        assert type(event) is Reply
        if event.tries:
            ask = _add_attempts(ask, event, tried, plan, step)
        text = event.text or ""
        judged = _judged(text, event, plan, step)
        tried.append(Tried(ask, text, event, judged, step, plan.gateway_repaired))
        named = named or _model_name(event)
        if judged.failure is None or event.is_final:
            break
        following = _next_attempt(judged.failure, tried, plan, output_tokens)
        if following is None:
            break
        correction, output_tokens = following
    yield Done(judged.ok, judged.value, partial(_outcome, tried, judged, call, named, plan.prices))


def _add_attempts(ask: Ask, reply: Reply, tried: list[Tried], plan: Plan, step: Step) -> Ask:
    """Add the earlier attempts of a library inside the function. Return the Ask of the attempt whose reply it returned."""
    for earlier in reply.tries:
        one = ask._replace(number=len(tried) + 1)
        judged = _judged_try(earlier, plan, step)
        tried.append(Tried(one, earlier.text or "", earlier, judged, step, plan.gateway_repaired))
    return ask._replace(number=len(tried) + 1)


def _next_attempt(
    failure: Failure, tried: list[Tried], plan: Plan, sent: int | None
) -> tuple[str | None, int | None] | None:
    """Return the correction and the output limit of the next attempt. None to end the call.

    Args:
        failure: Failure of the last attempt.
        tried: All attempts.
        plan: Plan of the call.
        sent: Output limit of the last attempt.
    """
    last = tried[-1]
    if failure.kind == "truncation" and failure.code not in NOT_FIXED_BY_LIMIT:
        larger = _larger_limit(sent, last.reply.usage, plan.limits)
        if larger is None:
            return None
        sent = larger
    if not _may_retry(failure, tried, plan):
        return None
    if failure.code in HANDED_OVER:
        return None, sent
    correction = prompting.correction(
        _failure_to_send(failure, last, plan),
        quote_checks=plan.delivery != "instructions",
        is_whole=last.reply.stopped is None,
    )
    return correction, sent


def _prompt(task: Prompt, step: Step, tried: list[Tried], correction: str | None, plan: Plan) -> Prompt:
    if plan.delivery == "instructions":
        return "\n\n".join(part for part in (step.prefix.strip(), correction) if part)
    if type(task) is str and plan.layout == "text":
        first: Prompt = step.prefix + task
    else:
        first = prompting.render(task, step.instructions, step.examples, layout=plan.layout)
    if correction is None or plan.delivery == "feedback":
        return first
    return prompting.with_correction(first, _model_text(tried[-1]), correction)


def _gathered(
    event: Chunk | Reply | None, plan: Plan, step: Step, tried: list[Tried]
) -> Generator[More | Stop, Chunk | Reply | None, Reply]:
    """Return a streamed reply with its whole text. Stop it if it is too large, too late, repetitive, or sure to fail."""
    from schema_guard.received.stream_limits import StreamLimits  # only streams need it

    elapsed_s = sum(one.reply.elapsed_s for one in tried)
    schema = plan.schema if plan.stops(step) else None
    watch = StreamLimits(plan.limits, elapsed_s, schema, calls_only=step.strategy.name == "tool_call")
    parts: list[str] = []
    while type(event) is Chunk:
        parts.append(event.text)
        event = yield watch.answer(event)
    assert type(event) is Reply
    # The text that an exception carries (only then is there a call_model) is the whole reply, not its last piece.
    text = event.text or ""
    carried = text if event.call_model is not None else ""
    if not event.instead:
        event = event._replace(text=carried or "".join(parts) + text)
    if watch.failure is not None and not carried:
        event = event._replace(stopped=watch.failure, finish_reason=None)
    return event._replace(late=True) if watch.is_late else event


def _judged(text: str, reply: Reply, plan: Plan, step: Step) -> Judgement[Any]:
    decided = step.sent and step.sent.decided
    failure = reply.failure or (decided and decided(text)[1])
    if failure:
        return Judgement(False, None, failure, None)
    if reply.refusal is not None:
        return Judgement(False, None, Failure("refusal", "refusal", "the model refused"), None)
    if reply.tool is not None and plan.tool not in (None, reply.tool) and step.strategy.name == "tool_call":
        message = f"expected a call of the tool {clip(repr(plan.tool))}, got one of {clip(repr(reply.tool))}"
        return Judgement(False, None, Failure("structure", "unknown_tool", message), None)
    if reply.parsed is not None or reply.refused is not None:
        return _judged_by_function(text, reply, plan, step)
    if reply.stopped is not None and reply.stopped.code != "runaway":
        return Judgement(False, None, reply.stopped, None)
    if isinstance(reply.judged, Judgement):
        judged = reply.judged
    else:
        terms = _terms(reply, plan, step)
        judged = judge_reply(
            text, terms if reply.stopped is None else terms._replace(repair="off"), reply.judged
        )
    failure = judged.failure
    cause = failure and _cause(failure, text, reply, plan, step)
    # A new judgement takes 1.3 us, and most failures are their own cause.
    return judged if cause is failure else judged._replace(failure=cause)


def _terms(reply: Reply, plan: Plan, step: Step) -> Terms:
    return Terms(
        plan.schema, reply.finish_reason, plan.repair, plan.checks, step.restore, plan.limits, plan.coerce
    )


def _cause(failure: Failure, text: str, reply: Reply, plan: Plan, step: Step) -> Failure:
    """Return the failure that explains most: why the reply ended, or the violation before it was cut off."""
    if reply.stopped is not None:
        # A reply that repeats white space after a complete value is valid, and doesn't get here.
        return reply.stopped
    if reply.late:
        return _OUT_OF_TIME
    if failure.code == "max_tokens" and not text.strip() and (reply.usage.reasoning_tokens or reply.reasoned):
        return REASONING_EXHAUSTED
    if failure.kind == "truncation" and plan.stops(step):
        from schema_guard.received.stream_limits import doomed  # as in _gathered()

        # In smaller chunks, it would have been stopped at the violation.
        return doomed(text, plan.schema, plan.limits) or failure
    return failure


def _judged_by_function(text: str, reply: Reply, plan: Plan, step: Step) -> Judgement[Any]:
    """Judge a reply that the function has parsed or refused. A reply that it refused has no value."""
    if reply.parsed is not None:
        judged = _judge_parsed(reply.parsed, text, reply, plan, step)
    else:
        judged = _judged(text, reply._replace(refused=None), plan, step)
    if reply.refused is not None and judged.failure is None:
        return Judgement(False, None, reply.refused, None)
    return judged


def _failure_to_send(failure: Failure, last: Tried, plan: Plan) -> Failure:
    """Return the failure for the correction. If an adapted schema was sent, it names the places in that schema."""
    sent = last.step.sent
    if sent is None or last.step.restore is None or failure.kind not in ("structure", "value"):
        return failure
    terms = Terms(sent.schema, last.reply.finish_reason, limits=plan.limits)
    sent_failure = judge_reply(_model_text(last), terms).failure
    return failure if sent_failure is None or not sent_failure.violations else sent_failure


def _judge_parsed(parsed: ParsedValue, text: str, reply: Reply, plan: Plan, step: Step) -> Judgement[Any]:
    """Judge a value that the function has parsed. If its text is known too, the text decides about form and coercions."""
    terms = _terms(reply, plan, step)
    value = parsed.value if step.restore is None or parsed.is_instance else step.restore(parsed.value)
    judged = judge_value(value, terms._replace(finish_reason=None, restore=None), own=parsed.is_instance)
    if not text or not judged.ok:
        return judged
    read = judge_reply(text, terms._replace(repair="off", checks=()))
    return judged._replace(form=read.form, coercions=read.coercions) if read.ok else judged


def _judged_try(reply: Reply, plan: Plan, step: Step) -> Judgement[Any]:
    """Judge an earlier attempt of a library inside the function. It always failed, because the library retried."""
    judged = _judged(reply.text or "", reply, plan, step)
    if judged.failure is not None:
        return judged
    message = "the function rejected the reply and retried"
    return Judgement(False, None, Failure("semantic", "retry", message), None)


def _model_name(reply: Reply) -> str | None:
    """Return the name of the model that a call counts for, from a reply."""
    return reply.model if reply.call_model is None else reply.call_model


def _with_model(call: Call, named: str) -> Call:
    """Return a call with its model. A new snapshot isn't another configuration, but a tuned model is."""
    model = model_and_snapshot(named).model
    return call._replace(model=model, tuned=call.tuned or is_tuned(model))


def _model_text(tried: Tried) -> str:
    """Return the text of a reply, or the words of the model's refusal."""
    return tried.text or tried.reply.refusal or ""


def _attempt(tried: Tried) -> Attempt:
    ask, text, reply, judged, step, gateway_repaired = tried
    shown = reply.refusal if reply.refusal is not None and not text else text
    # A call that failed before its first chunk has no reply, and neither has a value without a known text. An empty text
    # is a reply.
    received = bool(shown) or (reply.parsed is None and reply.failure is None)
    model, snapshot = _UNNAMED if reply.model is None else model_and_snapshot(reply.model)
    return Attempt(
        number=ask.number,
        strategy=ask.strategy,
        prompt=ask.prompt,
        reply=shown if received else None,
        failure=judged.failure,
        form=judged.form,
        repairs=judged.repairs,
        usage=reply.usage,
        cost=None,
        finish_reason=reply.finish_reason,
        elapsed_s=reply.elapsed_s,
        model=model,
        snapshot=snapshot,
        exception=reply.exception,
        unseen=reply.unseen,
        adapted=None if step.sent is None else step.sent.recorded,
        gateway_repaired=gateway_repaired,
        stopped_at=None if reply.stopped is None else len(text),
        provider=step.provider,
        coercions=judged.coercions,
        confidence=step.sent.decided(text)[0] if step.sent and step.sent.decided else None,
    )


def _larger_limit(sent: int | None, usage: Usage, limits: Limits) -> int | None:
    """Return the output limit of the retry after a cut-off reply. None if no larger one is allowed."""
    if limits.max_output_tokens is None:
        return None
    used = sent or usage.output_tokens
    larger = min(2 * used, limits.max_output_tokens) if used else limits.max_output_tokens
    return larger if used is None or larger > used else None


def _may_retry(failure: Failure, tried: list[Tried], plan: Plan) -> bool:
    most = len(plan.steps) if failure.code in HANDED_OVER else plan.max_attempts
    if len(tried) >= min(most, plan.max_attempts) or failure.kind in ("refusal", "transport"):
        return False
    limits = plan.limits
    is_bounded = limits.max_elapsed_s is not None or limits.max_tokens is not None
    return not (is_bounded and exceeded_budget(limits, [*map(_attempt, tried)]))


def exceeded_budget(limits: Limits, attempts: Sequence[Attempt]) -> str:
    """Return the budget that a call has exceeded, such as `"2.31 s of max_elapsed_s=2"`; `""` for none."""
    if limits.max_elapsed_s is not None:
        elapsed_s = sum(a.elapsed_s for a in attempts)
        if elapsed_s >= limits.max_elapsed_s:
            return f"{elapsed_s:.3g} s of max_elapsed_s={limits.max_elapsed_s:g}"
    if limits.max_tokens is not None:
        estimated = sum(a.estimated_output_tokens or 0 for a in attempts)
        tokens = estimated + sum((a.usage.input_tokens or 0) + (a.usage.output_tokens or 0) for a in attempts)
        if tokens >= limits.max_tokens:
            return f"{'about ' if estimated else ''}{tokens} tokens of max_tokens={limits.max_tokens}"
    return ""


def _outcome(
    tried: list[Tried],
    judged: Judgement[Any],
    known: Callable[[], Call],
    named: str | None,
    prices: Callable[[], Price | None] | None,
) -> Outcome[Any]:
    """Build the outcome of all attempts. *named* is the first model name in a reply."""
    call = known()
    if named and call.model is None:
        call = _with_model(call, named)
    attempts = [*map(_attempt, tried)]
    last = attempts[-1]
    usage, elapsed_s, cost = last.usage, last.elapsed_s, None
    if prices is not None and (price := prices()) is not None:
        attempts, cost = _priced(attempts, call.model, price)
    if len(attempts) > 1:
        usage = Usage.total([attempt.usage for attempt in attempts])
        elapsed_s = sum([attempt.elapsed_s for attempt in attempts])
    return Outcome(judged.ok, judged.value, tuple(attempts), judged.failure, usage, cost, elapsed_s, call)


def _priced(attempts: list[Attempt], model: str | None, price: Price) -> tuple[list[Attempt], float | None]:
    """Return the attempts with their costs, and the total cost. A cost is None if it is unknown."""
    models = model.split(">") if model else [None]
    priced = []
    for a in attempts:
        names = (a.snapshot, a.model, models[min(a.number, len(models)) - 1])
        priced.append(a._replace(cost=price(a.usage, *[priced_name(name, a.strategy) for name in names])))
    known = [attempt.cost for attempt in priced if attempt.cost is not None]
    return priced, sum(known) if len(known) == len(priced) else None

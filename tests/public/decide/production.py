"""A simulated production: a guarded function, its store in a file, and a clock that the test moves."""

import itertools
import json
import re
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import SimpleNamespace

from schema_guard import About, guard, open_store
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.printed import commands_in

TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["a", "b"]}, "code": {"type": "string", "pattern": "^[A-Z]+$"}},
    "required": ["team"],
}
GOOD, SHAPE, ENUM = '{"team": "a"}', "{}", '{"team": "c"}'
PATTERN = '{"team": "a", "code": "x"}'
DAY = 86_400.0


def reply(text, finish="stop", tokens=None, refusal=None, cached=None, model=None):
    """Return a completion in the format of OpenAI's chat API."""
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}}
    if cached is not None:
        usage["usage"]["prompt_tokens_details"] = {"cached_tokens": cached}
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **({} if model is None else {"model": model}),
        **usage,
    }


REFUSED = reply(None, refusal="I cannot do that.")
CUT_OFF = reply('{"team": "', finish="length")


class Production:
    """A simulated production: a guarded function and the store of its calls.

    Attributes:
        store: The store of the calls.
        clock: The clock that schema_guard reads.
        takes_s: Seconds that each attempt takes.
        printed: The commands that were printed, in order. A dict serves as a set with an order.
    """

    def __init__(self, store, clock, folder):
        self.store = store
        self.clock = clock
        self.folder = folder
        self.takes_s = 0.5
        self.inputs = itertools.count()
        self.printed = {}

    @property
    def now(self):
        return self.clock.now

    def calls(self, n, every, *bad, after_s=60.0, task=None, retries=False, raises=None, **settings):
        """Call the function n times. Every *every*-th call fails, with the next reply of *bad*.

        Args:
            n: Number of calls.
            every: Number of calls per failure. 0 makes every call succeed.
            bad: Failed replies, as texts or SDK replies.
            after_s: Seconds between two calls.
            task: The input of all calls. Default: a new input for each call.
            retries: Whether a retry fails independently of the attempt before it. Default: a retry fails too.
            raises: Exception that every call raises.
            settings: Settings of the guard.
        """
        replies, asked, good = itertools.cycle(bad or (SHAPE,)), itertools.count(), settings.pop("good", GOOD)
        failing = []

        def extract(prompt):
            self.clock.spent += self.takes_s
            if raises is not None:
                raise raises
            if not retries and failing:
                return failing[0]
            number = next(asked)
            if every and number % every == every - 1:
                failing.append(next(replies))
                return failing[0]
            return good

        facts = {"version": "v1", "model": "m1"}
        facts |= {name: settings.pop(name) for name in ("version", "model", "tuned") if name in settings}
        known = {"name": "shop.extract", "about": About(**facts), "max_attempts": 1, **settings}
        function = guard(known.pop("schema", TICKET), store=self.store, on_failure="return", **known)(extract)
        for number in range(n):
            if number % 2_000 == 0:
                self.store.flush(60.0)
            failing.clear()
            with suppress(*([] if raises is None else [type(raises)])):
                function(f"ticket {next(self.inputs)}" if task is None else task)
            self.clock.now += after_s
        self.store.flush(60.0)
        assert self.store.counts().lost_records == {}

    def run(self, *arguments):
        """Run a command on the store. Return its exit status, stdout, and stderr."""
        self.store.flush(60.0)
        status, out, err = command(*arguments, "--store", self.store.url)
        self.printed |= dict.fromkeys([*commands_in(out), *commands_in(err)])
        return status, out, err

    def verdict(  # noqa: PLR0913 - one argument an option
        self, target=0.01, *, function=None, since=None, prices=None, sizes=None, config=None, given=None
    ):
        """Return the verdict of `decide`. Check that `watch` with the same target agrees."""
        declared = {"config": {"target": target, **(config or {})}, **(given or {})}
        with_file = self.folder / "with.json"
        with_file.write_text(json.dumps(declared))
        which = [] if function is None else ["--function", function]
        if since is not None:
            which += ["--since", datetime.fromtimestamp(since, UTC).isoformat()]
        more = [] if prices is None else ["--prices", prices]
        more += [] if sizes is None else ["--sizes", ",".join(sizes)]
        asked = ["decide", *which, "--with", with_file, *more]
        status, out, err = self.run(*asked, "--format", "json")
        assert err == "", err
        document = json.loads(out)
        strict = self.run(*asked, "--format", "json", "--require-proof")[0]
        assert strict == (1 if document["verdict"] == "NEED_MORE_DATA" else status)
        from tests.public.decide.recompute import repeated  # needs scipy

        assert repeated(document) == []
        if not {"right"} & {*declared["config"]}:
            latency = declared["config"].get("latency_p95_s")
            slow = [] if latency is None else ["--max-p95", str(latency)]
            watched = self.run("watch", "--max-failure-rate", str(target), *which, *slow)[0]
            assert watched == int(bool(document["breach"])), "watch says otherwise"
        text = self.short_text(asked)
        assert missing_places(document, text) == []
        assert " ".join(document["next_step"].split()) in text
        return SimpleNamespace(
            verdict=document["verdict"], why=document["why"], figures=document, exit_code=status, head=text
        )

    def short_text(self, asked):
        """Return the default text of `decide` as one line. Check that it has at most 25 lines and no jargon."""
        text = self.run(*asked)[1].rstrip("\n")
        assert len(text.splitlines()) <= MOST_LINES
        assert JARGON.findall(text.replace("--max-p95", "")) == []
        return " ".join(text.split())


MOST_LINES = 25
"""Lines of the head of a verdict."""


def missing_places(document, head):
    """Return the failing places that a head does not name.

    A head names the first place of each configuration that is proved to fail, three at most, otherwise of the one in use.

    Args:
        document: The JSON of the verdict.
        head: Its default text, as one line.
    """
    places = document.get("fails_at", {})
    wrong = [
        breach["strategy"] for breach in document.get("breach", ()) if breach["what"] in ("format", "rise")
    ]
    named = [name for name in dict.fromkeys(wrong) if name in places][:3]
    named = named or [name for name in [document.get("counted", {}).get("current")] if name in places]
    known = [places[name][0]["place"] for name in named]
    return [place for place in known if place is not None and f"{place} (" not in head]


# Words that a reader without statistics does not know.
JARGON = re.compile(
    r"\b(rho|hazards?|alpha|odds|geometric|e-value|bound|bounds|inconclusive|unhandled|pess|p95|clusters?|f_\d)\b|\bf =|\[\d"
)


def summary(verdict):
    """Return the verdict's word, its next step, and the exit status."""
    return verdict.verdict, verdict.figures.get("next_rung"), verdict.exit_code


@contextmanager
def two_machines(folder):
    """Two machines with one clock and stores of their own."""
    with (
        stopped_clock() as clock,
        open_store(f"sqlite:///{folder}/a.db") as first,
        open_store(f"sqlite:///{folder}/b.db") as second,
    ):
        yield Production(first, clock, folder), Production(second, clock, folder)

"""Options of commands that change what a model is asked, how often, and until when: each has the effect that it names."""

import json
import time

import pytest

from schema_guard import open_store, testing
from tests.enforcing_model import EnforcingModel
from tests.needs import needs
from tests.public.commands import exports
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lay_out, lines

GOOD = '{"a": 1, "unit": "kg"}'
BENCH = "bench run suite.jsonl --strategy bare --concurrency 1 --format json --sample 4 --model"
PLAYBOOK = "bench run --playbook --schema item.json --inputs inputs.txt --concurrency 1 --format json --model"


@pytest.fixture(autouse=True)
def here(folder):
    """A folder with the files of a desk."""
    lay_out(folder)
    lines(folder / "slow.jsonl", [{"when": "", "reply": GOOD, "delay_s": 0.15}])
    return folder


def done(line, status=0):
    """Run a command line that ends with this status, and return its JSON."""
    result, out, err = command(*line.split())
    assert result == status, err
    return json.loads(out)


def sent(line, name, status=0, **serving):
    """Run a command line on a server, and return its JSON and the values of this field in each request."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with testing.serve(lambda prompt: GOOD, **serving) as server:
        result = done(line.replace("SERVER", server.openai_url), status)
        return result, [request.body.get(name) for request in server.requests]


@needs("loopback")
def test_bench_sends_no_more_calls_a_minute_than_it_may():
    """Of 300 calls a minute, five requests take four fifths of a second."""
    began = time.perf_counter()
    _, models = sent(f"{BENCH} m=SERVER#x --max-attempts 1 --calls-per-minute 300", "model")

    assert models == ["x"] * 4
    assert time.perf_counter() - began >= 0.6


def test_bench_stops_when_its_seconds_are_used_up():
    """Calls that are under way end; no other one begins."""
    result = done(f"{BENCH} scripted:slow.jsonl --max-time 100ms")

    assert result["stopped"] == ["the budget of 0.1 seconds is used up"]
    assert len(result["calls"]) < 4


@needs("loopback")
def test_bench_retries_a_refused_request():
    """A request to a busy server is sent again."""
    _, models = sent(f"{BENCH} m=SERVER#x --sample 1", "model", faults=["http_429"])

    assert len(models) == 2


@needs("playbook")
def test_playbook_stops_when_its_seconds_are_used_up():
    """The budget counts from the first call."""
    result = done(f"{PLAYBOOK} scripted:slow.jsonl --max-time 100ms")

    assert [(one["stopped"], one["n"]) for one in result["steps"]] == [
        ("stopped after 1 call, because the budget of 0.1 s is used up", 1)
    ]


@needs("loopback")
def test_playbook_sends_the_limit_of_an_attempt():
    """`--reply-tokens` is in each request and in the result."""
    result, limits = sent(f"{PLAYBOOK} SERVER#x --max-calls 2 --reply-tokens 77", "max_completion_tokens")

    assert (result["output_tokens"], limits) == (77, [77, 77])


@needs("loopback")
def test_playbook_sends_the_options_of_the_provider():
    """Each `--option` is in each request and in the result."""
    line = f"{PLAYBOOK} SERVER#x --max-calls 2 --option temperature=0.25 --option top_p=0.5"
    result, temperatures = sent(line, "temperature")
    _, shares = sent(line, "top_p")

    assert result["options"] == {"temperature": 0.25, "top_p": 0.5}
    assert (temperatures, shares) == ([0.25, 0.25], [0.5, 0.5])


@needs("loopback")
def test_playbook_asks_the_larger_model_on_its_last_step():
    """The other steps ask the model of `--model`."""
    line = f"{PLAYBOOK} scripted:clean.jsonl --larger SERVER#big --first-step larger_model --max-calls 3"
    result, models = sent(line, "model")

    assert (result["model"], result["larger"], models) == ("clean", "big", ["big"] * 3)
    assert [(one["step"], one["n"], one["k"]) for one in result["steps"]] == [("larger_model", 3, 0)]


@needs("loopback")
def test_playbook_asks_in_the_order_of_its_seed():
    """Two seeds ask in two orders, and one seed always in the same."""
    line = f"{PLAYBOOK} SERVER#x --max-calls 5"
    (one, first), (_, again), (other, second) = (
        sent(f"{line} --seed {seed}", "messages") for seed in (3, 3, 4)
    )

    assert (one["seed"], other["seed"]) == (3, 4)
    assert first == again != second


@needs("playbook")
def test_playbook_decides_with_the_figures_of_a_file(here):
    """`--with` adds figures to the evidence, and the months until an answer to the verdict."""
    (here / "with.json").write_text(json.dumps({"calls_per_month": 12_345}))
    line = f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10% --max-calls 20"
    plain, result = done(line), done(f"{line} --with with.json")

    assert result["evidence"]["calls_per_month"] == 12_345
    assert "calls_per_month" not in plain["evidence"]
    assert plain["verdict"]["months_to_answer"] is None
    assert 0 < result["verdict"]["months_to_answer"] < 0.1


@needs("playbook")
def test_playbook_keeps_the_configuration_of_a_file(here):
    """`--with` can have a configuration. The target of the command line still applies."""
    (here / "with.json").write_text(json.dumps({"config": {"burst_length": 7, "target": 0.9}}))
    result = done(
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10% --max-calls 20 --with with.json"
    )

    assert result["evidence"]["config"] == {"burst_length": 7, "target": 0.1, "alpha": 0.05}


@needs("playbook")
def test_playbook_counts_lost_calls_and_repeated_inputs(here):
    """A call without a reply is lost and is not in the rate. An input that comes twice is used once."""
    lines(
        here / "some.jsonl", [{"when": "text 2;", "raise": "TimeoutError: slow"}, {"when": "", "reply": GOOD}]
    )
    (here / "few.txt").write_text("".join(f"text {number % 5};\n" for number in range(8)))
    line = "bench run --playbook --schema item.json --inputs few.txt --concurrency 1 --format json --model scripted:some.jsonl"
    result = done(line)
    first = result["steps"][0]

    assert (result["inputs"], result["repeated"]) == (5, 3)
    assert (first["lost"], first["n"], first["k"]) == (1, 4, 0)


def test_playbook_needs_an_input(here):
    """A file without lines is a usage error."""
    (here / "none.txt").write_text("\n\n")
    line = "bench run --playbook --schema item.json --inputs none.txt --model scripted:clean.jsonl"
    status, out, err = command(*line.split())

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")


@needs("loopback")
@pytest.mark.parametrize(
    ("option", "provider", "limit"),
    [("", "openai", "max_completion_tokens"), ("--provider vllm", "vllm", "max_tokens")],
)
def test_probe_sends_the_arguments_of_the_provider(option, provider, limit):
    """`--target` decides which argument limits the output, and is in the result."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with testing.serve(EnforcingModel()) as server:
        result = done(f"schema probe --model {server.openai_url}#m --yes --format json {option}")
        sent_names = [name for name in server.requests[-1].body if name.endswith("_tokens")]

    assert (result["provider"], sent_names) == (provider, [limit])


@needs("loopback")
@pytest.mark.parametrize(
    ("option", "cost"), [("", "cost is unknown"), ("--prices prices.json", "at most $0.1")]
)
def test_probe_states_the_cost_by_the_prices(option, cost):
    """`--prices` has the price of the model."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with testing.serve(EnforcingModel()) as server:
        status, _, err = command(*f"schema probe --model {server.openai_url}#good --yes {option}".split())

    assert status == 0
    assert cost in err


IMPORT = "store import --from jsonl plain.jsonl --schema ticket.json --traffic all --field reply=answer --store r.db"
PLACED = {
    "--field function=who": ("function", ["app.f1", "app.f0"] * 4 + ["app.f1"]),
    "--field version=v": ("version", ["v1", "v2", "v0"] * 3),
    "--field segment=kind": ("segment", ["eu", "us"] * 4 + ["eu"]),
    "--field cluster=kind": ("cluster", ["eu", "us"] * 4 + ["eu"]),
    "--function app.mine": ("function", ["app.mine"] * 9),
}


@needs("traces")
@pytest.mark.parametrize("options", PLACED)
def test_import_reads_a_field_from_the_place_that_is_named(monkeypatch, options):
    """Each attempt has the value of its own row; the other fields stay as they are without the option."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "one key")
    done(f"{IMPORT} --format json")
    done(f"{IMPORT} --format json {options}".replace("r.db", "other.db"))
    name, values = PLACED[options]
    with open_store("r.db") as one, open_store("other.db") as other:
        plain, read = list(one.attempts()), list(other.attempts())

    assert [row[name] for row in read] == values
    changed = {key for old, new in zip(plain, read, strict=True) for key in old if old[key] != new[key]}
    assert changed - {"call_id"} == {name}


@needs("traces")
@pytest.mark.parametrize(
    ("only", "functions"),
    [("", ["a", "b", "c", "b"]), ("--only b", ["b", "b"]), ("--only b --only a", ["a", "b", "b"])],
)
def test_import_takes_only_the_calls_of_a_name(here, only, functions):
    """`--only` goes by the name in the tool, and can come several times."""
    rows = [exports.langfuse_ui(exports.GOOD, number, name=name) for number, name in enumerate("abcb", 1)]
    lines(here / "named.jsonl", rows)

    result = done(
        f"store import --from auto named.jsonl --schema ticket.json --traffic all --field function=name --store r.db --format json {only}"
    )
    with open_store("r.db") as store:
        assert [row["function"] for row in store.attempts()] == functions
    left_out = [("a name that --only does not select", 4 - len(functions))] if only else []
    assert [(one["cause"], one["rows"]) for one in result["left_out"]] == left_out


@needs("tuning")
def test_tune_states_the_cost_by_the_price(here, monkeypatch):
    """`--price` has the price of the base model. Without it, the cost is unknown."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
    (here / "set").mkdir()
    turns = [{"role": "user", "content": "q" * 4_000}, {"role": "assistant", "content": "{}"}]
    lines(here / "set" / "train.jsonl", [{"messages": turns}] * 12)
    manifest = {
        "format": 1,
        "schema": {"name": "order"},
        "files": {"train": {"rows": 12, "tokens": 1_000_000}},
    }
    (here / "set" / "manifest.json").write_text(json.dumps(manifest))
    tune = "tune run set --backend openai-compatible --url http://127.0.0.1:9/v1 --base small --epochs 2"
    messages = ["".join(command(*tune.split(), *more)[1:]) for more in ([], ["--price", "7.5"])]

    assert ["$15" in one for one in messages] == [False, True], messages

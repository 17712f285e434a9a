"""Options that exclude or need one another: a conflict ends with exit status 2 and a reason."""

import json
import shlex
import shutil

import pytest

from schema_guard import testing
from tests.needs import needs, with_parts
from tests.public.commands.command_lines import command, run
from tests.public.commands.desk import lay_out
from tests.public.commands.training_rows import TICKET, recorded
from tests.public.decide.examples import passing

GOOD = '{"team": "billing"}'
ALONE = "--evidence stands alone: what is in the file is decided on, not the store"
ONE_FUNCTION = "--target, --decline and --not-applicable are about one function: name it with --function"
NO_STORE = "no store: $SCHEMA_GUARD_STORE is 'none'; name one with --store"
WHO = "expected one of --call, --input, --input-hash, --cluster, --segment and --function"
HERE = "a training on this machine has none"
NO_JOB = "set has no job.json: nothing was tuned"
SHARE = "--sample-share: is said of --traffic sampled alone"
BENCH = "bench suite.jsonl --model scripted:good.jsonl"
CLIMB = "climb suite.jsonl --schema suite-1 --model scripted:good.jsonl"
EXPORT = "export --schema ticket --store r.db -o out"
TRACES = "import traces plain.jsonl --store r.db --dry-run"

EVIDENCE = (
    "--since 7d", "--schema ticket", "--function app.triage", "--segment eu", "--with e.json", "--answers e.json",
    "--prices prices.json", "--sizes a,b", "--also-version v1", "--decline few_shot=no", "--not-applicable few_shot=no",
    "--since 7d --segment eu", "--target 0.2 --since 7d", "--what-if target=0.2 --function app.triage",
)  # fmt: skip
TABLE = {
    **{f"decide --evidence e.json {more}": ALONE for more in EVIDENCE},
    "decide --store two.db --target 0.2": ONE_FUNCTION,
    "decide --store two.db --decline few_shot=no": ONE_FUNCTION,
    "decide --store two.db --not-applicable few_shot=no": ONE_FUNCTION,
    "decide --store r.db --decline few_shot": "expected RUNG=REASON",
    "decide --store r.db --not-applicable few_shot=": "expected RUNG=REASON",
    "decide --store r.db --sizes a": "expected the names of two models or more",
    "decide --store r.db --sizes a,a": "expected the names of two models or more",
    "decide --store r.db --what-if target": "what-if 'target': expected path=value",
    "decide --store r.db --also-version v9": "version 'v9': no call of it is recorded",
    "decide --store r.db --since 2999-01-01": "holds no judged call since then",
    "decide": NO_STORE,
    "report --store r.db --port 8000": "--port goes with --serve",
    "report --store r.db --serve --format json": "--serve gives a page: leave --format json out",
    "report --store r.db --serve --format html": "--serve gives a page: leave --format html out",
    "report --store r.db --serve --format markdown": "--serve gives a page: leave --format markdown out",
    "report": NO_STORE,
    "watch --store r.db": "Missing option '--slo'",
    "watch --slo 0.1": NO_STORE,
    "store info": NO_STORE,
    "store check": NO_STORE,
    "store export": NO_STORE,
    "store export --store r.db --texts full": "'full' is not one of 'redacted', 'kept'",
    "store export --store r.db --until soon": "--until 'soon': expected a date",
    "store export --store r.db --function nope": "no function 'nope' is recorded",
    "store export --store r.db --schema nope --since 7d": "no schema 'nope' is recorded",
    "store forget --store r.db": WHO,
    "store forget --store r.db --call a --segment b": WHO,
    "store forget --store r.db --cluster a --function b": WHO,
    "store forget --store r.db --input a --input-hash b": WHO,
    "store forget --store r.db --input a --cluster b": WHO,
    "store forget-counts --store r.db --yes": "expected --function or --segment",
    "store forget-counts --store r.db --function a --segment b --yes": "expected --function or --segment",
    "store prune --store r.db": "expected --older-than, --max-rows or --max-bytes",
    "store merge r.db": NO_STORE,
    "store merge r.db --store r.db": "'r.db' is the store itself",
    "store import a.jsonl": NO_STORE,
    "store import r.db --store r.db": "r.db is the store itself: name another file",
    "store import r.db --store two.db": "`schema-guard store merge` takes it",
    "export --store r.db -o out": "--schema NAME is missing",
    "export --suite suite.jsonl -o out": "--schema NAME is missing",
    "export --schema ticket --store r.db": "Missing option '--output' / '-o'",
    "export --schema ticket --store two.db -o out": "several functions have it, name one with --function",
    "export --suite suite.jsonl --schema suite-1 --function app.triage -o out": NO_STORE,
    "export --schema ticket -o out": NO_STORE,
    f"{EXPORT} --accept-unchecked": "--accept-unchecked needs --base MODEL",
    f"{EXPORT} --bench good.jsonl": "--bench needs --suite",
    f"{EXPORT} --form dpo --for bedrock": "--for bedrock takes no --form dpo",
    f"{EXPORT} --form dpo --for prompt-completion": "--for prompt-completion takes no --form dpo",
    f"{EXPORT} --validation 0.5 --test 0.5": "expected shares >= 0 of less than 1 together",
    f"{EXPORT} --prompt-from app": "--prompt-from module:function",
    f"{BENCH} --resume": "--resume needs --journal FILE",
    f"{BENCH} --resume --dry-run": "--resume needs --journal FILE",
    f"{BENCH} --max-cost 1": "expected prices beside it",
    f"{BENCH} --function app.triage": "--function needs a store that has its calls",
    f"{BENCH} --model scripted:good.jsonl": "there are two models named 'good'",
    f"{BENCH} --model good=scripted:bad.jsonl": "there are two models named 'good'",
    f"{BENCH} --schema item.json": "a suite of the form 'jsonl' has its own",
    f"{BENCH} --sample 0": "--sample '0': expected how many tasks, or all",
    f"{BENCH} --column input": "expected OURS=THEIRS",
    f"{BENCH} --executor cloud": "expected local, ray or ray://HOST:PORT",
    f"{BENCH} --output result.pdf": "expected a name that ends in",
    f"{BENCH} --output none/result.json": "there is no folder 'none'",
    "bench batch write q.jsonl suite.jsonl --model scripted:good.jsonl": "Missing option '--journal'",
    "bench batch read q.jsonl suite.jsonl --model scripted:good.jsonl": "Missing option '--journal'",
    "bench gate a.json": "Missing option '--baseline'",
    "climb suite.jsonl --model scripted:good.jsonl": "Missing option '--schema'",
    "climb --schema item.json --model scripted:good.jsonl": "--schema FILE needs --inputs FILE",
    "climb suite.jsonl --schema item.json --model scripted:good.jsonl": "--schema FILE needs --inputs FILE",
    f"{CLIMB} --function app.triage": "--function needs a store that has its calls",
    f"{CLIMB} --function app.triage --store r.db": "expected one under the schema suite-1",
    f"{CLIMB} --model scripted:bad.jsonl": "expected one model for the ladder",
    f"{CLIMB} --first few_shot --decline few_shot=no": "first='few_shot': expected a rung that can be run: no",
    f"{CLIMB} --first larger_model": "expected a rung that can be run: no larger model named",
    f"{CLIMB} --decline few_shot": "expected RUNG=REASON",
    f"{CLIMB} --option temperature": "expected KEY=VALUE",
    "probe --model scripted:good.jsonl": "there is no terminal to agree on: say --yes",
    "probe --yes": "Missing option '--model'",
    "probe --model scripted:good.jsonl --yes --option temperature": "expected KEY=VALUE",
    "probe --model scripted:good.jsonl --yes --output none/rules.json": "there is no folder 'none'",
    "lint item.json": "expected --target, one of",
    "lint --target openai": "expected SCHEMA, a file or module:Model",
    "lint item.json --rules prices.json": "expected property 'format'",
    "tune set --status --cancel": "--status and --cancel say different things",
    "tune set --status --again": "--status and --again say different things",
    "tune set --cancel --again": "--cancel and --again say different things",
    "tune set --status --cancel --again": "--status and --cancel and --again say different things",
    "tune set --status": NO_JOB,
    "tune set --cancel": NO_JOB,
    "tune set --served-as x": NO_JOB,
    "tune set --backend local --status": NO_JOB,
    "tune set --backend local --url http://127.0.0.1:9/v1": f"--url: {HERE}",
    "tune set --backend local --price 3": f"--price: {HERE}",
    "tune set --backend local --prices prices.json": f"--prices: {HERE}",
    "tune set --backend local --served-as x": f"--served-as: {HERE}",
    "tune set --backend local --cancel": f"--cancel: {HERE}",
    "tune set --backend openai": "--base: expected it for a new job",
    "tune set --base m": "--backend: expected it for a new job",
    "tune set": "--backend: expected it for a new job",
    "tune set --backend openai-compatible --base m": "--url is missing: expected http://HOST:PORT/v1",
    TRACES: "--traffic: say what part of the traffic",
    f"{TRACES} --traffic all": "--schema: expected a schema file or module:Model",
    f"{TRACES} --schema ticket.json": "--traffic: say what part of the traffic",
    f"{TRACES} --schema ticket.json --sample-share 0.1": "--traffic: say what part of the traffic",
    f"{TRACES} --schema ticket.json --traffic all --sample-share 0.1": SHARE,
    f"{TRACES} --schema ticket.json --traffic failures --sample-share 0.1": SHARE,
    f"{TRACES} --schema ticket.json --traffic unknown --sample-share 0.1": SHARE,
    f"{TRACES} --traffic all --schema ticket.json --schema note.json": "several schemas need names",
    f"{TRACES} --traffic all --schema a=ticket.json --schema a=note.json": "several schemas need names",
    f"{TRACES} --traffic all --schema ticket.json --column reply": "--column 'reply': expected NAME=VALUE",
    f"{TRACES} --traffic all --schema ticket.json --from phoenix": "expected a row of phoenix",
    "import traces plain.jsonl --traffic all --schema ticket.json": NO_STORE,
    "demo --folder x": "--folder is of `demo finetune`",
    "demo --offline --folder x": "--folder is of `demo finetune`",
    "demo finetune --offline": "leave out --offline and --store",
    "demo finetune --store r.db": "leave out --offline and --store",
    "demo --offline --store r.db": "expected one without, for the demo alone",
    "check item.json": "Missing argument 'FILE...'",
}  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a suite, two stores, evidence, and a training set.

    It is created once, because no line of the table changes it.
    """
    place = tmp_path_factory.mktemp("desk")
    lay_out(place)
    (place / "e.json").write_text(json.dumps(passing()))
    (place / "t.json").write_text(json.dumps(TICKET))
    recorded(place / "r.db", [[GOOD]] * 3).close()
    for name in ("app.one", "app.two"):
        recorded(place / "two.db", [[GOOD]] * 3, name=name).close()
    (place / "set").mkdir()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{}"}]
    (place / "set" / "train.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 12)
    return place


@pytest.fixture
def here(desk, monkeypatch):
    """The same folder as the working directory."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("XDG_DATA_HOME", str(desk / "home"))
    return desk


@pytest.mark.parametrize("line", with_parts(TABLE))
def test_conflicting_options_are_a_usage_error(capsys, here, line):
    """The command ends with exit status 2, prints the reason only on stderr, and writes no file."""
    before = sorted(here.iterdir())

    status, out, err = run(capsys, *shlex.split(line))

    assert (status, out) == (2, "")
    assert TABLE[line] in " ".join(err.split())
    assert sorted(here.iterdir()) == before


ALONE_IS_FINE = (
    "decide --evidence e.json --target 0.2 --right 0.9 --latency-p95 3 --burst-length 20 --what-if target=0.3 --format json",
    "decide --store two.db --latency-p95 3",
    "decide --store two.db --function app.one --target 0.2",
    "store forget --store r.db --segment none",
    f"{BENCH} --sample 1 --strategy bare --max-cost 1 --prices prices.json",
    "export --schema ticket --store two.db --function one -o one --min-examples 1",
    "lint item.json --target llguidance --format sarif",
)


@pytest.mark.parametrize("line", with_parts(ALONE_IS_FINE))
def test_options_without_a_conflict_are_accepted(tmp_path, here, monkeypatch, line):
    """The same options without the conflict are valid usage."""
    for path in here.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)

    status, _, err = command(*shlex.split(line))

    assert status in (0, 1), err


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (("--target", "0.25"), {"target": 0.25}),
        (("--right", "0.9"), {"right": 0.9}),
        (("--latency-p95", "3.5"), {"latency_p95_s": 3.5}),
        (("--burst-length", "20"), {"burst_length": 20}),
        (("--target", "0.25", "--latency-p95", "3.5"), {"target": 0.25, "latency_p95_s": 3.5}),
        (("--target", "0.25", "--what-if", "target=0.5"), {"target": 0.5}),
    ],
)
def test_options_override_the_evidence_file(capsys, here, options, changed):
    """An option replaces the value of the file. --what-if is applied last."""
    _, plain, _ = run(capsys, "decide", "--evidence", "e.json", "--format", "json")
    _, out, _ = run(capsys, "decide", "--evidence", "e.json", *options, "--format", "json")

    before, after = json.loads(plain)["config"], json.loads(out)["config"]
    assert {key: value for key, value in after.items() if before.get(key) != value} == changed


@pytest.fixture(scope="module")
def tuned(desk):
    """A training set whose tuning job has ended, and the command line that started the job."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with (
        pytest.MonkeyPatch.context() as patch,
        testing.serve_tuning(key="k", looks=0, ends="succeeded") as server,
    ):
        patch.chdir(desk)
        patch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
        shutil.copytree(desk / "set", desk / "done")
        begun = f"tune done --backend openai-compatible --url {server.openai_url} --base small --epochs 2 --price 3 --seed 4"
        status, _, err = command(*shlex.split(f"{begun} --yes"))
        assert status == 0, err
        return begun


# Options that contradict the values in job.json.
OTHER = {
    "--backend openai": "the job in job.json has openai-compatible",
    "--base large": "the job in job.json has small",
    "--url http://127.0.0.1:9/v1": "the job in job.json has http://127.0.0.1",
    "--epochs 3": "the job in job.json has 2",
    "--seed 5": "the job in job.json has 4",
    "--price 4.5": "the job in job.json has 3.0",
}


@needs("loopback", "tuning")
@pytest.mark.parametrize("option", OTHER)
def test_option_that_contradicts_the_job_is_a_usage_error(capsys, tuned, here, option):
    """The message names the option and the option --again."""
    for more in ("", " --status", " --served-as x"):
        status, out, err = run(capsys, *shlex.split(f"tune done {option}{more}"))

        assert (status, out) == (2, "")
        assert f"{option}: {OTHER[option]}" in err
        assert "--again" in err


@needs("loopback", "tuning")
@pytest.mark.parametrize("option", ["", *OTHER])
def test_options_that_match_the_job_are_accepted(capsys, tuned, here, option):
    """The command shows the existing job without options, and with each option that matches it."""
    known = shlex.split(tuned)
    name = option.partition(" ")[0]
    options = known[known.index(name) : known.index(name) + 2] if name else []

    status, out, err = run(capsys, "tune", "done", *options)

    assert (status, err) == (0, "")
    assert "small" in out

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
ALONE = "has no effect with --evidence, which replaces the store"
ONE_FUNCTION = "--max-failure-rate and --decline apply to only one function, so choose one with --function: app.one, app.two"
NO_STORE = "$SCHEMA_GUARD_STORE is 'none', so there is no store. Name a store with --store"
ONE = "can't be combined. Use only one of them"
HERE = "has no effect if this machine trains the model"
NO_JOB = "set has no job.json, so it has no job. Start one with --backend"
SHARE = "--sample-share needs --traffic sampled"
NO_CALLS = "has no effect with --suite alone"
BENCH = "bench run suite.jsonl --model scripted:good.jsonl"
PLAYBOOK = "bench run --playbook suite.jsonl --schema suite-1 --model scripted:good.jsonl"
EXPORT = "tune prepare --schema ticket --store r.db -o out"
TRACES = "store import --from auto plain.jsonl --store r.db --dry-run"

EVIDENCE = (
    "--since 7d", "--schema ticket", "--function app.triage", "--segment eu", "--with e.json", "--answers e.json",
    "--prices prices.json", "--sizes a,b", "--also-version v1", "--decline few_shot=no",
    "--since 7d --segment eu", "--max-failure-rate 20% --since 7d", "--what-if target=0.2 --function app.triage",
    "--store r.db", "--until 7d",
)  # fmt: skip
TABLE = {
    **{f"decide --evidence e.json {more}": ALONE for more in EVIDENCE},
    "decide --store two.db --max-failure-rate 0.2": ONE_FUNCTION,
    "decide --store two.db --decline few_shot=no": ONE_FUNCTION,
    "decide --store r.db --decline few_shot": "expected STEP=REASON",
    "decide --store r.db --decline few_shot=": "expected STEP=REASON",
    "decide --store r.db --with e.json": "--with['strategies']: the store provides this fact",
    "decide --store r.db --sizes a": "expected the names of at least two different models",
    "decide --store r.db --sizes a,a": "expected the names of at least two different models",
    "decide --store r.db --what-if target": "--what-if 'target': expected path=value",
    "decide --store r.db --also-version v9": "--also-version 'v9': no recorded call has this version",
    "decide --store r.db --since 2999-01-01": "no calls since 2999-01-01 00:00 UTC, but 3 earlier calls are recorded",
    "decide": NO_STORE,
    "report --store r.db --serve --format json": "--format has no effect with --serve, which shows a page",
    "report --store r.db --serve --format html": "--format has no effect with --serve, which shows a page",
    "report --store r.db --serve --format markdown": "--format has no effect with --serve, which shows a page",
    "report --store r.db --serve -o page.html": "--output has no effect with --serve, which shows a page",
    "report --store r.db -o none/report.html": "the folder 'none' does not exist",
    "report --store r.db --format jsno": "Did you mean 'json'?",
    "report --store r.db --by segmnt": "Did you mean 'segment'?",
    "report --store r.db --since soon": "'soon': expected a date such as 2026-11-01",
    "report --store none.db": "none.db does not exist, so it has no calls. Check the value of --store",
    "report": NO_STORE,
    "watch --store r.db": "Missing option '--max-failure-rate'",
    "watch --store r.db --max-failure-rate 2": "'--max-failure-rate': '2': expected a share above 0 and below 1",
    "watch --store r.db --max-failure-rate 1% --max-p95 fast": "'--max-p95': 'fast': expected a duration such as 500ms",
    "watch --store r.db --max-failure-rate 1% --function app.triag": "Did you mean 'app.triage'?",
    "watch --store r.db --max-failure-rate 1% --since 2999-01-01": "nothing was checked: no calls since 2999-01-01",
    "watch --store none.db --max-failure-rate 1%": "none.db does not exist, so it has no calls. Check the value of --store",
    "watch --max-failure-rate 0.1": NO_STORE,
    "decide --store none.db": "none.db does not exist, so it has no calls. Check the value of --store",
    "decide --store r.db --full --format json": "--full has no effect with the format json",
    "decide --store r.db --min-right 95": "'--min-right': '95': expected a share from 0 to 1",
    "store info": NO_STORE,
    "store check": NO_STORE,
    "store export": NO_STORE,
    "store export --store r.db --texts full": "'full' is not one of 'redacted', 'kept'",
    "store export --store r.db --until soon": "'--until': 'soon': expected a date",
    "store export --store r.db --function nope": "no function 'nope' is recorded",
    "store export --store r.db --schema nope --since 7d": "no schema 'nope' is recorded",
    "store delete --yes --store r.db": "expected one of --call, --input, --input-hash, --cluster, --segment, and --function, or a limit such as --older-than 90d",
    "store delete --yes --store r.db --call a --segment b": f"--call and --segment {ONE}",
    "store delete --yes --store r.db --cluster a --function b": f"--cluster and --function {ONE}",
    "store delete --yes --store r.db --input a --input-hash b": f"--input and --input-hash {ONE}",
    "store delete --yes --store r.db --input a --cluster b": f"--input and --cluster {ONE}",
    "store delete --yes --store r.db --input a --older-than 1d": "or a limit such as --older-than 90d, but not both",
    "store delete --yes --store r.db --older-than soon": "'--older-than': 'soon': expected a duration",
    "store delete --counts --store r.db --yes": "--counts needs --function or --segment",
    "store delete --counts --store r.db --cluster a --yes": "--counts needs --function or --segment",
    "store delete --counts --store r.db --function a --segment b --yes": f"--segment and --function {ONE}",
    "store delete --store r.db --function app.triage": "nothing was deleted, because no terminal is available "
    "to ask for confirmation. Add --yes",
    "store delete --store r.db --function app.triag --yes": "Did you mean 'app.triage'?",
    "store delete --store r.db --call a --yes": "has no attempts of the call 'a'",
    "store delete --store none.db --call a --yes": "none.db does not exist, so it has no calls. Check the value of --store",
    "store export --store none.db": "none.db does not exist, so it has no calls. Check the value of --store",
    "store info --store none.db": "none.db does not exist, so it has no calls. Check the value of --store",
    "store import r.db": NO_STORE,
    "store import r.db --store r.db": "'r.db' is the target store",
    "store import a.jsonl": NO_STORE,
    "store import plain.jsonl --store r.db": "add --from TOOL",
    "store import r.db --store two.db --traffic all": "--traffic applies only to files of another tool. Add --from TOOL",
    "store import r.db --store two.db --field a=b": "--field applies only to files of another tool. Add --from TOOL",
    "tune prepare --store r.db -o out": "--schema is missing",
    "tune prepare --suite suite.jsonl -o out": "--schema is missing",
    "tune prepare --schema ticket --store r.db": "Missing option '-o' / '--output'",
    "tune prepare --schema ticket --store two.db -o out": "several functions use this schema. Choose one with --function",
    "tune prepare --suite suite.jsonl --schema suite-1 --function app.triage -o out": NO_STORE,
    "tune prepare --schema ticket -o out": NO_STORE,
    f"{EXPORT} --accept-unchecked": "--accept-unchecked needs --base MODEL",
    "tune prepare --suite suite.jsonl --schema suite-1 --segment eu -o out": f"--segment {NO_CALLS}",
    "tune prepare --suite suite.jsonl --schema suite-1 --since 7d -o out": f"--since {NO_CALLS}",
    "tune prepare --suite suite.jsonl --schema suite-1 --until 7d -o out": f"--until {NO_CALLS}",
    f"{EXPORT} --validation 0.5 --test 0.5": "--validation 0.5 and --test 0.5: expected shares with a sum below 1",
    f"{EXPORT} --prompt-from app": "--prompt-from",
    f"{BENCH} --resume": "--resume needs --journal FILE, which names the file to continue",
    f"{BENCH} --resume --dry-run": "--resume needs --journal FILE, which names the file to continue",
    f"{BENCH} --max-cost 1": "--max-cost needs --prices SOURCE",
    f"{BENCH} --function app.triage": "--function needs a store with calls of the function",
    f"{BENCH} --model scripted:good.jsonl": "two models have the name 'good'",
    f"{BENCH} --model good=scripted:bad.jsonl": "two models have the name 'good'",
    f"{BENCH} --schema item.json": "--schema: only suites of the form 'rows' accept this argument",
    f"{BENCH} --sample 0": "'--sample': '0': expected a number of tasks such as 48 or 1,000, or all",
    f"{BENCH} --field input": "expected NAME=COLUMN",
    f"{BENCH} --executor cloud": "expected local, ray, or ray://HOST:PORT",
    f"{BENCH} --output result.pdf": "expected a name that ends in",
    f"{BENCH} --output none/result.json": "the folder 'none' does not exist",
    f"{BENCH} --sample some": "'--sample': 'some': expected a number of tasks",
    f"{BENCH} --inputs inputs.txt": "--inputs needs --playbook",
    f"{BENCH} --first-step few_shot": "--first-step needs --playbook",
    f"{BENCH} --option temperature=0": "--option needs --playbook",
    "bench compare a.json --gate": "--gate compares two results. Name a second file",
    "bench compare a.json --variant bare": "--variant compares two results. Name a second file",
    "bench compare a.json b.json --max-drop 2%": "--max-drop needs --gate",
    "bench compare a.json b.json --gate --max-drop 2": "'--max-drop': '2': expected a share from 0 to 1",
    "bench run --playbook suite.jsonl --model scripted:good.jsonl": "--playbook needs --schema NAME. Use one of suite-1, suite-2",
    "bench run --playbook --schema item.json --model scripted:good.jsonl": "--schema FILE needs --inputs FILE",
    "bench run --playbook suite.jsonl --schema item.json --model scripted:good.jsonl": "--schema: only suites of the form 'rows' accept this argument",
    f"{PLAYBOOK} --function app.triage": "--function needs a store with calls of the function",
    f"{PLAYBOOK} --function app.triage --store r.db": "expected a function with the schema suite-1",
    f"{PLAYBOOK} --model scripted:bad.jsonl": "expected one model for --playbook",
    f"{PLAYBOOK} --first-step few_shot --decline few_shot=no": "--first-step 'few_shot': expected another step, because no",
    f"{PLAYBOOK} --first-step larger_model": "expected another step, because you named no larger model",
    f"{PLAYBOOK} --decline few_shot": "expected STEP=REASON",
    f"{PLAYBOOK} --option temperature": "expected KEY=VALUE",
    f"{PLAYBOOK} --with e.json": "--with['strategies']: the playbook measures this fact",
    f"{PLAYBOOK} --first-step sampling": "--first-step 'sampling': expected one of",
    f"{PLAYBOOK} --first-step few_shots": "Did you mean 'few_shot'?",
    f"{PLAYBOOK} --strategy bare": "--strategy has no effect with --playbook",
    f"{PLAYBOOK} --max-cost 1": "--max-cost does not work with --playbook. Use --max-calls",
    f"{PLAYBOOK} --journal j": "--journal does not work with --playbook",
    "schema probe --model scripted:good.jsonl": "no terminal is available to ask for confirmation. Add --yes",
    "schema probe --yes": "Missing option '--model'",
    "schema probe --model scripted:good.jsonl --yes --option temperature": "expected KEY=VALUE",
    "schema probe --model scripted:good.jsonl --yes --output none/rules.json": "the folder 'none' does not exist",
    "schema lint item.json": "--provider is missing: expected one of",
    "schema lint --provider openai": "SCHEMA is missing. Pass a JSON file or module:Model",
    "schema lint item.json --rules prices.json": "expected property 'format'",
    "tune run set --status --cancel": "--status and --cancel can't be combined. Use only one of them",
    "tune run set --status --again": "--status and --again can't be combined",
    "tune run set --cancel --again": "--cancel and --again can't be combined",
    "tune run set --status --cancel --again": "--status and --cancel and --again can't be combined",
    "tune run set --status": NO_JOB,
    "tune run set --cancel": NO_JOB,
    "tune run set --served-as x": NO_JOB,
    "tune run set --backend local --status": NO_JOB,
    "tune run set --backend local --url http://127.0.0.1:9/v1": f"--url {HERE}",
    "tune run set --backend local --price 3": f"--price {HERE}",
    "tune run set --backend local --served-as x": f"--served-as {HERE}",
    "tune run set --backend local --cancel": f"--cancel {HERE}",
    "tune run set --backend openai": "a new job needs --base, as in",
    "tune run set --base m": "a new job needs --backend, as in",
    "tune run set": "a new job needs --backend, as in",
    "tune run set --backend openai-compatible --base m": "--url is missing: expected http://HOST:PORT/v1",
    TRACES: "--schema is missing: expected a schema file or module:Model",
    f"{TRACES} --traffic all": "--schema is missing: expected a schema file or module:Model",
    f"{TRACES} --schema ticket.json": "--traffic is missing",
    f"{TRACES} --schema ticket.json --sample-share 0.1": "--traffic is missing",
    f"{TRACES} --schema ticket.json --traffic all --sample-share 0.1": SHARE,
    f"{TRACES} --schema ticket.json --traffic failures --sample-share 0.1": SHARE,
    f"{TRACES} --schema ticket.json --traffic unknown --sample-share 0.1": SHARE,
    f"{TRACES} --traffic all --schema ticket.json --schema note.json": "expected a different name for each schema",
    f"{TRACES} --traffic all --field schema=s --schema a=ticket.json --schema a=note.json": "expected a different name for each schema",
    f"{TRACES} --traffic all --schema ticket.json --field reply": "--field 'reply': expected OURS=PATH",
    f"{TRACES} --traffic all --schema ticket.json --from langfuse --field reply=x": "--field 'reply': expected one of cluster, function, schema, segment, version, because langfuse already has a place for this field",
    f"{TRACES} --traffic all --schema ticket.json --from jsonl --field repli=x": "Did you mean 'reply'?",
    f"{TRACES} --traffic all --schema ticket.json --from langfuze": "Did you mean 'langfuse'?",
    f"{TRACES} --traffic all --schema ticket.json --from jsonl --field repl=x": "--field 'repl': expected one of cached_input_tokens, call, cluster, cost, elapsed_s, ended_at, error, exception, finish_reason, function, id, input_tokens, model, output_tokens, prompt, reasoning_tokens, reply, schema, segment, started_at, version. Did you mean 'reply'?",
    f"{TRACES} --traffic all --schema ticket.json --unlinked": "--unlinked has no effect with --from auto. Omit it",
    f"{TRACES} --traffic all --schema a=ticket.json": "a name needs --field schema=PATH",
    f"{TRACES} --traffic all --schema ticket.json --from phoenix": "expected a row of phoenix",
    "store import --from auto plain.jsonl --traffic all --schema ticket.json": NO_STORE,
    "demo --offline --store r.db": "Name an empty store",
    "schema check item.json": "Missing argument 'FILE...'",
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
    "decide --evidence e.json --max-failure-rate 0.2 --min-right 0.9 --max-p95 3 --burst-length 20 --what-if target=0.3 --format json",
    "decide --store two.db --max-p95 3",
    "decide --store two.db --function app.one --max-failure-rate 0.2",
    "store delete --yes --store r.db --max-rows 1",
    f"{BENCH} --sample 1 --strategy bare --max-cost 1 --prices prices.json",
    "tune prepare --schema ticket --store two.db --function one -o one --min-examples 1",
    "schema lint item.json --provider llguidance --format sarif",
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
        (("--max-failure-rate", "25%"), {"target": 0.25}),
        (("--min-right", "0.9"), {"right": 0.9}),
        (("--max-p95", "3.5"), {"latency_p95_s": 3.5}),
        (("--burst-length", "20"), {"burst_length": 20}),
        (("--max-failure-rate", "25%", "--max-p95", "3.5"), {"target": 0.25, "latency_p95_s": 3.5}),
        (("--max-failure-rate", "25%", "--what-if", "target=0.5"), {"target": 0.5}),
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
        begun = f"tune run done --backend openai-compatible --url {server.openai_url} --base small --epochs 2 --price 3"
        status, _, err = command(*shlex.split(f"{begun} --yes"))
        assert status == 0, err
        return begun


# Options that contradict the values in job.json.
OTHER = {
    "--backend openai": "the job in job.json has openai-compatible",
    "--base large": "the job in job.json has small",
    "--url http://127.0.0.1:9/v1": "the job in job.json has http://127.0.0.1",
    "--epochs 3": "the job in job.json has 2",
    "--price 4.5": "the job in job.json has 3.0",
}


@needs("loopback", "tuning")
@pytest.mark.parametrize("option", OTHER)
def test_option_that_contradicts_the_job_is_a_usage_error(capsys, tuned, here, option):
    """The message names the option and the option --again."""
    for more in ("", " --status", " --served-as x"):
        status, out, err = run(capsys, *shlex.split(f"tune run done {option}{more}"))

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

    status, out, err = run(capsys, "tune", "run", "done", *options)

    assert (status, err) == (0, "")
    assert "small" in out

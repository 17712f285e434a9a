"""Commands that need no recorded calls, run in sequences in one folder."""

import json

import pytest

from schema_guard import testing
from tests.enforcing_model import EnforcingModel
from tests.needs import marked, needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import COMMANDS, LEAVES, command, published
from tests.public.commands.desk import lay_out
from tests.public.golden import contents, expected, normalized, transcript

BENCH = "bench run suite.jsonl --model scripted:bad.jsonl --strategy bare,system_prompt --concurrency 1"
PAIR = "bench run suite.jsonl --model scripted:good.jsonl --model scripted:bad.jsonl --strategy bare --concurrency 1"
PLAYBOOK = "bench run --playbook --schema item.json --inputs inputs.txt --concurrency 1 --model"
TRACES = "store import --from auto {}.jsonl --schema ticket.json --traffic all"
PLAIN = "store import --from jsonl plain.jsonl --schema ticket.json --traffic all --field reply=answer"
SAMPLED = (
    "store import --from jsonl plain.jsonl --schema ticket=ticket.json --field schema=schema --traffic sampled --sample-share 0.5"
    " --field reply=answer --store sqlite:///c.db --format json"
)
HELPED = (
    "", *COMMANDS, *LEAVES,
)  # fmt: skip
SEQUENCES = {
    "check": [
        "schema check item.json right.txt",
        "schema check item.json right.txt fenced.txt wrong.txt cut.txt prose.txt",
        "schema check item.json right.txt fenced.txt wrong.txt cut.txt prose.txt --format json",
        "schema check item.json many.jsonl",
        "schema check item.json right.txt fenced.txt --format json",
        "schema check item.json",
        "schema check item.json none.txt",
        "schema check none.json right.txt",
    ],
    "lint": [
        "schema lint item.json --provider openai",
        "schema lint open.json --provider openai,anthropic,gemini",
        "schema lint item.json open.json note.json --provider openai,vllm --format json",
        "schema lint open.json --provider llguidance --format sarif",
        "schema lint open.json --provider all",
        "schema lint open.json --provider openai --fix sent",
        "cat sent/open.openai.json",
        "cat sent/open.openai.report.json",
        "schema lint open.json --provider opena",
        "schema lint open.json",
    ],
    "bench": [
        BENCH,
        f"{BENCH} --format json",
        f"{BENCH} --format markdown --prices prices.json",
        f"{BENCH} --sample 6 --seed 1 --format json",
        f"{BENCH} --sample 6 --seed 2 --epochs 2",
        f"{BENCH} --max-attempts 1 --sample all",
        f"{BENCH} --max-failure-rate 20% --epochs 3 --sample all",
        f"{BENCH} --dry-run --prices prices.json",
        f"{BENCH} --max-calls 3",
        f"{BENCH} --max-cost 0.001 --prices prices.json",
        f"{BENCH} --max-cost 1",
        "bench run suite.jsonl --model scripted:bad.jsonl --strategy system_prompt>few_shot --concurrency 1",
        "bench run suite.jsonl --model scripted:bad.jsonl --strategy bare,nothing",
        "bench run none.jsonl --model scripted:bad.jsonl",
    ],
    "bench results": [
        f"{PAIR} --output pair.json",
        "bench run suite.jsonl --model m=scripted:good.jsonl --strategy bare --concurrency 1 --output good.json",
        "bench run suite.jsonl --model m=scripted:bad.jsonl --strategy bare --concurrency 1 --output bad.json",
        "bench run suite.jsonl --model m=scripted:worst.jsonl --strategy bare --concurrency 1 --output worst.json",
        "bench compare good.json bad.json",
        "bench compare good.json worst.json --format json",
        "bench compare bad.json good.json --format markdown",
        "bench compare pair.json pair.json --variant good=bad",
        "bench compare good.json none.json",
        "bench compare pair.json",
        "bench compare pair.json --gate",
        "bench compare good.json bad.json --max-drop 2%",
        "bench compare good.json bad.json --gate",
        "bench compare good.json worst.json --gate",
        "bench compare good.json worst.json --gate --format json",
        "bench compare good.json worst.json --gate --max-drop 0.95",
        "bench compare good.json good.json --gate",
        "bench compare good.json good.json --gate --require-proof",
        "bench compare worst.json good.json --gate --format json",
        "bench compare good.json bad.json --gate --format markdown",
        "bench compare good.json bad.json --gate --max-drop 2",
    ],
    "bench journal": [
        f"{BENCH} --journal j.jsonl",
        f"{BENCH} --journal j.jsonl",
        f"{BENCH} --journal j.jsonl --resume",
        "cat j.jsonl",
        f"{BENCH} --journal j.jsonl --resume --seed 5",
        f"{BENCH} --store sqlite:///r.db --function app.f --sample 4",
        "report --store sqlite:///r.db",
        f"{BENCH} --sample 4 --store sqlite:///r.db --max-attempts 3 --prices prices.json",
        "report --store sqlite:///r.db --by version --format json",
    ],
    "playbook": [
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10%",
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10% --format json",
        f"{PLAYBOOK} scripted:clean.jsonl --max-failure-rate 5%",
        f"{PLAYBOOK} scripted:clean.jsonl --max-failure-rate 5% --max-calls 30",
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 50% --seed 4",
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10% --first-step few_shot --max-calls 150",
        f"{PLAYBOOK} scripted:improver.jsonl --max-failure-rate 10% --decline strict_schema=no --max-calls 100",
        f"{PLAYBOOK} scripted:clean.jsonl --first-step few_shots",
        f"{PLAYBOOK} scripted:clean.jsonl --max-calls 30 --dry-run",
        f"{PLAYBOOK} scripted:good.jsonl --max-calls 30 --prices prices.json --dry-run",
        f"{PLAYBOOK} scripted:clean.jsonl --max-cost 1",
        f"{PLAYBOOK} scripted:clean.jsonl --max-failure-rate 5% --function app.f --store sqlite:///r.db",
        "report --store sqlite:///r.db",
        "bench run --playbook suite.jsonl --schema suite-1 --model scripted:learner.jsonl --max-failure-rate 0.43 --concurrency 1 --output c.json",
        "cat c.json",
        "bench run --playbook suite.jsonl --schema suite-1 --model scripted:learner.jsonl --max-failure-rate 0.43 --first-step few_shot --store sqlite:///r.db",
        "decide --store sqlite:///r.db --max-failure-rate 0.4",
        "bench run --playbook suite.jsonl --schema suite-9 --model scripted:learner.jsonl",
        "bench run --playbook --schema none.json --inputs inputs.txt --model scripted:clean.jsonl",
    ],
    "import of tools": [
        *(f"{TRACES.format(name)} --store sqlite:///r.db"
          for name in ("langfuse", "blob", "phoenix", "frame", "mlflow", "evals", "completions", "batch")),
        "report --store sqlite:///r.db --by model",
        f"{TRACES.format('langfuse')} --store sqlite:///r.db --format json",
        f"{TRACES.format('langfuse')} --store sqlite:///r.db --from phoenix",
    ],
    "import of a log": [
        f"{PLAIN} --store sqlite:///a.db --dry-run --format json",
        f"{PLAIN} --store sqlite:///a.db --field function=who --field segment=kind --field version=v --prices prices.json",
        "report --store sqlite:///a.db --by version",
        "report --store sqlite:///a.db --by segment --segment eu --format json",
        f"{PLAIN} --store sqlite:///b.db --function app.g",
        SAMPLED,
        "decide --store sqlite:///c.db --max-failure-rate 0.9",
        "store import --from jsonl plain.jsonl --schema ticket.json --traffic failures --field reply=answer --store sqlite:///d.db",
        "watch --max-failure-rate 0.9 --store sqlite:///d.db",
        "store import --from jsonl broken.jsonl --schema ticket.json --traffic all --field reply=answer --store sqlite:///e.db",
        "store import --from auto plain.jsonl --schema ticket.json --traffic most",
        "store import --from jsonl plain.jsonl --schema ticket.json --traffic all --field answr=answer",
    ],
    "no store": [
        *(f"{name} --store none" for name in ("report", "decide", "watch --max-failure-rate 0.1", "tune prepare --schema x -o set")),
        *(f"{name} --store sqlite:///new.db" for name in ("report", "decide", "watch --max-failure-rate 0.1", "tune prepare --schema x -o set")),
        *(f"{name} --store mysql://x" for name in ("report", "decide", "watch --max-failure-rate 0.1")),
    ],
    "help": [f"{name} --help" for name in HELPED],
    "usage": ["", "nothing", "repot", "bench compare", "import", "store import", "store", "--nothing", "help nothing"],
}  # fmt: skip

# Parts that a sequence needs. The texts of `help` and `usage` name all commands.
ALL = ("playbook", "demo", "fitting", "traces", "transfer", "tuning")
PARTS_OF = {
    "lint": ("fitting",), "playbook": ("playbook",), "import of tools": ("traces",), "import of a log": ("traces",),
    "no store": ("tuning",), "help": ALL, "usage": ALL,
}  # fmt: skip


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working folder with input files and no default store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    monkeypatch.delenv("COLUMNS", raising=False)
    lay_out(tmp_path)
    return tmp_path


def transcripts(lines, folder):
    with stopped_clock():
        return "\n".join(normalized(transcript_of(line), folder) for line in lines)


def transcript_of(line):
    """Run a command line and return its transcript. For `cat FILE`, return the file's content."""
    program, *arguments = line.split() or [""]
    return contents(*arguments) if program == "cat" else transcript(line.split(), command(*line.split()))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(*PARTS_OF.get(name, ()))) for name in SEQUENCES]
)
def test_command_output_matches_the_recording(desk, name, monkeypatch):
    """The outputs of a sequence equal the recorded ones."""
    if name in ("help", "usage"):
        monkeypatch.setenv("COLUMNS", "100")
    text = transcripts(SEQUENCES[name], desk)

    assert text == expected(f"desk/{name.replace(' ', '_')}.txt", text)


@pytest.mark.parametrize(
    ("line", "file"),
    marked(
        [
            (f"{PAIR} --format json --prices prices.json", "result.schema.json"),
            (f"{BENCH} --epochs 2 --format json", "result.schema.json"),
            ("schema lint open.json item.json --provider all --format json", "lint.schema.json"),
        ],
        "fitting",
        lambda row: row[1] == "lint.schema.json",
    ),
)
def test_json_is_as_published(desk, line, file):
    """The JSON is valid against the published schema."""
    _, out, _ = command(*line.split())

    assert published(file).violations(json.loads(out)) == []


PROBES = (
    "",
    " --requests 5 --seed 7",
    " --keywords",
    " --schema item.json",
    " --format json --seed 1",
    " --keywords --schema item.json --dry-run",
    " --dry-run --format json",
)


@needs("fitting", "loopback")
@pytest.mark.parametrize("holds", [1.0, 0.0])
def test_probe_output_matches_the_recording(desk, holds):
    """The output equals the recorded one, for a server that enforces schemas and for one that does not."""
    with testing.serve(EnforcingModel(holds=holds)) as server:
        lines = [f"schema probe --model {server.openai_url}#m --yes --seed 3{more}" for more in PROBES]
        lines += [
            f"schema probe --model {server.openai_url}#m --yes --seed 3 --keywords --output rules.json",
            "cat rules.json",
        ]
        text = transcripts(lines, desk)

    assert text == expected(f"desk/probe_{holds}.txt", text)


@pytest.fixture
def training_set(desk, monkeypatch):
    """A training set of sixteen rows. The host's key is in the environment."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "canary-key")
    rows = [
        {"messages": [{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": f'{{"n":{n}}}'}]}
        for n in range(16)
    ]
    (desk / "set").mkdir()
    for name, part in (("train", rows[:12]), ("validation", rows[12:])):
        (desk / "set" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    manifest = {"format": 1, "schema": {"name": "order"}, "files": {"train": {"rows": 12, "tokens": 400}}}
    (desk / "set" / "manifest.json").write_text(json.dumps(manifest))
    return desk


@needs("loopback", "tuning")
@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_tune_output_matches_the_recording(training_set, ends):
    """The outputs for a job that ends at once equal the recorded ones."""
    with testing.serve_tuning(key="canary-key", looks=0, ends=ends) as server:
        tune = f"tune run set --backend openai-compatible --url {server.openai_url} --base small"
        lines = [
            "tune run set --status",
            "tune run none",
            f"{tune} --epochs 2",
            f"{tune} --epochs 2 --price 3 --dry-run",
            f"{tune} --dry-run --format json",
            f"{tune} --yes --epochs 2 --price 3",
            f"{tune} --yes --epochs 2 --price 3",
            "tune run set --status --format json",
            "tune run set --cancel",
            "tune run set --served-as order-1",
            f"{tune} --yes --again --base other",
        ]
        text = transcripts(lines, training_set)

    assert text == expected(f"desk/tune_{ends}.txt", text)

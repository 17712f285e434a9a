"""Every command that reads a store, with each of its options, on one large store."""

import json
import re
import shutil
import time

import pytest

from schema_guard import open_store
from tests.needs import marked, needs, with_parts
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.shop import PRICES, open_depot, open_shop
from tests.public.decide.examples import economics, feasibility
from tests.public.decide.production import Production
from tests.public.golden import contents, expected, normalized, transcript, words_of

WITH = {
    "economics": economics(),
    "feasibility": feasibility(),
    "calls_per_month": 40_000,
    "content": {"n": 200, "right": 188},
}
NOW = 1_780_000_000.0 + 24 * 86_400


@pytest.fixture(scope="session")
def stores(tmp_path_factory):
    """A folder with both stores, created once."""
    folder = tmp_path_factory.mktemp("shop")
    for name, fill in (("shop", open_shop), ("depot", open_depot)):
        with stopped_clock() as clock, open_store(f"sqlite:///{folder}/{name}.db", payload="full") as store:
            fill(Production(store, clock, folder))
            store.flush(60.0)
    return folder


@pytest.fixture
def shop(stores, tmp_path, monkeypatch):
    """A working folder with copies of both stores and the files that options name.

    The shop's store is the default.
    """
    for path in stores.glob("*.db*"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", f"sqlite:///{tmp_path}/shop.db")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    (tmp_path / "with.json").write_text(json.dumps(WITH))
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


EXTRACT = "--function shop.extract"
REPORT = (
    "report",
    "report --by segment",
    "report --by model",
    "report --by version",
    "report --format json",
    "report --by segment --format json",
    "report --by model --format json",
    "report --by version --format json",
    "report --format markdown",
    "report --function extract",
    "report --function shop.label --format json",
    "report --schema label",
    "report --segment eu --format json",
    "report --segment us",
    "report --segment none",
    "report --since 2026-06-07 --format json",
    "report --since 2026-06-07T12:00 --by version",
    "report --since 2027-01-01",
    "report --function nothing",
    "report --function shop",
    "report --schema lable",
    "report --by day",
    "report --serve --format json",
    "report --since yesterday",
)
WATCH = (
    "watch --max-failure-rate 0.01",
    "watch --max-failure-rate 0.2",
    "watch --max-failure-rate 0.01 --format json",
    "watch --max-failure-rate 0.3 --format json",
    "watch --max-failure-rate 0.05 --function shop.label",
    "watch --max-failure-rate 0.05 --segment us",
    "watch --max-failure-rate 0.05 --schema ticket --since 2026-06-09",
    "watch --max-failure-rate 0.2 --max-p95 1.0",
    "watch --max-failure-rate 0.2 --max-p95 4.0 --format json",
    "watch --max-failure-rate 0.2 --since 2027-01-01",
    "watch --max-failure-rate 1.5",
    "watch",
    "watch --max-failure-rate much",
)
DECIDE = (
    "decide",
    "decide --format json",
    "decide --format markdown",
    f"decide {EXTRACT}",
    f"decide {EXTRACT} --full",
    f"decide {EXTRACT} --format json",
    f"decide {EXTRACT} --format markdown",
    f"decide {EXTRACT} --max-failure-rate 0.3",
    f"decide {EXTRACT} --max-failure-rate 0.3 --format json",
    f"decide {EXTRACT} --max-failure-rate 0.3 --require-proof",
    f"decide {EXTRACT} --segment us --format json",
    f"decide {EXTRACT} --since 2026-06-09 --format json",
    f"decide {EXTRACT} --prices prices.json --format json",
    f"decide {EXTRACT} --with with.json --full",
    f"decide {EXTRACT} --with with.json --min-right 0.97 --format json",
    f"decide {EXTRACT} --with with.json --min-right 0.97",
    f"decide {EXTRACT} --max-p95 0.2 --max-failure-rate 0.3",
    f"decide {EXTRACT} --burst-length 20 --max-failure-rate 0.3 --format json",
    f"decide {EXTRACT} --burst-length 60 --max-failure-rate 0.5 --full",
    f"decide {EXTRACT} --also-version v1 --format json",
    f"decide {EXTRACT} --decline strict_schema=no --format json",
    f"decide {EXTRACT} --decline json_mode=never --decline few_shot=long --format json",
    f"decide {EXTRACT} --prices prices.json --sizes m2,m1 --full",
    f"decide {EXTRACT} --what-if target=0.4 --what-if calls_per_month=10",
    "decide --function shop.label",
    "decide --function shop.label --format json",
    "decide --function shop.label --require-proof",
    "decide --schema label --max-failure-rate 0.2",
    "decide --max-failure-rate 0.2",
    "decide --function shop.lable",
    f"decide {EXTRACT} --what-if targt=0.4",
    f"decide {EXTRACT} --max-failure-rate 2",
    f"decide {EXTRACT} --with none.json",
    f"decide {EXTRACT} --min-right 95%",
    "decide --since 2027-01-01",
    f"decide {EXTRACT} --output verdict.txt",
)
EXPORT = (
    "tune prepare --schema ticket --function shop.extract --output set --min-examples 20 --accept-unchecked --base m9",
    "tune prepare --schema ticket --function shop.extract -o set --accept-unchecked --base m9 --format json --seed 3",
    "tune prepare --schema ticket --function shop.extract -o set --accept-unchecked --base m9 --max-examples 50 --min-examples 10",
    "tune prepare --schema ticket --function shop.extract -o set --accept-unchecked --base m1 --min-examples 10",
    "tune prepare --schema ticket --function shop.extract -o set --accept-unchecked --base m9 --segment eu --provider openai",
    "tune prepare --schema label -o set --accept-unchecked --base m9 --validation 0.3 --test 0 --format json",
    "tune prepare --schema label -o set --accept-unchecked --base m9 --since 2026-06-16 --min-examples 1 --format json",
    "tune prepare --schema label -o set --accept-unchecked --base m9 --strategy system_prompt",
    "tune prepare --schema label --output set",
)
STORE = ("store info --format json", "store check", "store check --format json")


SORT = "--store sqlite:///depot.db --function depot.sort"
PACK = "--store sqlite:///depot.db --function depot.pack"
DEPOT = (
    "report --store sqlite:///depot.db",
    f"report {SORT} --by segment --format json",
    f"decide {SORT}",
    f"decide {SORT} --format json",
    f"decide {SORT} --with with.json --prices prices.json --full",
    f"decide {SORT} --max-failure-rate 0.2 --format json",
    f"decide {SORT} --segment us --full",
    f"decide {PACK}",
    f"decide {PACK} --format json",
    f"decide {PACK} --max-failure-rate 0.5",
    f"decide {PACK} --since 2026-06-09 --format json",
    f"decide {PACK} --also-version v1 --full",
    "decide --store sqlite:///depot.db",
    "watch --max-failure-rate 0.01 --store sqlite:///depot.db",
    "watch --max-failure-rate 0.03 --store sqlite:///depot.db --format json",
    "watch --max-failure-rate 0.5 --store sqlite:///depot.db",
)


def name_of(line):
    return re.sub(r"[^\w.,=-]+", "_", line.replace("--", ""))[:100]


LINES = [*REPORT, *WATCH, *DECIDE, *EXPORT, *DEPOT]
# Lines whose output states why a decision model does not apply.
OF_DECISIONS = {
    "decide --format json", "decide --function shop.label --format json", f"decide {PACK} --format json",
    f"decide {PACK} --also-version v1 --full",
}  # fmt: skip


def base_of(line):
    """Return the line without the options that change its output. Return None if the table lacks that line."""
    base = re.sub(r" --(?!function|store|format)[\w-]+( (?!--)\S+)?", "", line)
    return base if base != line and base in LINES else None


@pytest.mark.parametrize(
    "line", marked(with_parts(LINES), "decisions", OF_DECISIONS.__contains__), ids=name_of
)
def test_output_on_the_shop_matches_the_recording(shop, line):
    """The output of a command equals the recorded one."""
    with stopped_clock(NOW):
        shown = command(*line.split())
    text = normalized(transcript(line.split(), shown), shop)
    base = base_of(line)

    assert text == expected(f"shop/{name_of(line)}.txt", text, base and f"shop/{name_of(base)}.txt")


@needs("tuning")
@pytest.mark.parametrize("line", EXPORT[:3] + EXPORT[5:7] + EXPORT[9:10], ids=name_of)
def test_training_set_matches_the_recording(shop, line):
    """The files of the training set equal the recorded ones."""
    with stopped_clock(NOW):
        command(*line.split())
    text = normalized(
        "\n".join(contents(f"set/{path.name}") for path in sorted((shop / "set").iterdir())), shop
    )

    assert text == expected(f"shop/files_of_{name_of(line)}.txt", text)


DRAWN = (
    f"decide {SORT} --format html",
    "report --format html",
    f"decide {EXTRACT} --format html",
    "decide --format html",
    f"decide {EXTRACT} --with with.json --prices prices.json --max-failure-rate 0.02 --format html",
    f"decide {SORT} --with with.json --prices prices.json --format html",
    "report --by segment --format html",
    f"decide {PACK} --burst-length 20 --max-failure-rate 0.5 --format html",
)


@pytest.mark.parametrize("line", DRAWN, ids=name_of)
def test_words_of_the_page_match_the_recording(shop, line):
    """The words of the page and of its drawings equal the recorded ones."""
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    with stopped_clock(NOW):
        _, out, _ = command(*line.split())
    text = normalized(words_of(out), shop)

    assert text == expected(f"shop/{name_of(line)}_page.txt", text)


def test_doctor_counts_the_attempts_of_the_store(shop):
    """`doctor` shows the number of attempts in the default store."""
    status, out, _ = command("doctor", "--format", "json")
    text = json.loads(out)["store"]

    assert (status, text["attempts"]) == (0, "1388")
    assert text["url"] == f"sqlite:///{shop}/shop.db"


STORE_SEQUENCES = {
    "store to and fro": [
        "store export --function shop.label --output a.jsonl",
        "store export --format csv --since 2026-06-17 --until 2026-06-19 --schema label -o b.csv",
        "store import a.jsonl --store sqlite:///n.db --unlinked --dry-run",
        "store import a.jsonl --store sqlite:///n.db --unlinked --format json",
        "store import a.jsonl --store sqlite:///n.db --unlinked",
        "store import a.jsonl --store sqlite:///n.db",
        "report --store sqlite:///n.db",
        "store import shop.db depot.db --store sqlite:///all.db --unlinked --dry-run",
        "store import shop.db depot.db --store sqlite:///all.db --unlinked",
        "store import shop.db --store sqlite:///all.db --unlinked --format json",
        "report --store sqlite:///all.db --by model",
        "decide --store sqlite:///all.db",
    ],
    "store gone": [
        "store check",
        "store delete --yes --segment eu",
        "store delete --yes --function shop.label --format json",
        "store delete --yes --function shop.nothing",
        "store delete --yes",
        "store delete --yes --max-rows 300",
        "store delete --yes --older-than 9d --format json",
        "store delete --yes --older-than soon",
        "report --function shop.extract --by segment",
        "store delete --counts --function shop.label --yes",
        "report --by model",
        "store check --format json",
    ],
    "store counts gone": [
        "store delete --counts --segment us --yes --format json",
        "store delete --counts --segment none --yes --format json",
        "report --by segment",
        "store delete --yes --max-rows 50k --format json",
        "store delete --yes --max-rows 1k --format json",
        "store delete --yes --max-rows 2XB",
    ],
}


@pytest.mark.parametrize("name", marked(STORE_SEQUENCES, "transfer", "store to and fro".__eq__))
def test_output_of_store_commands_matches_the_recording(shop, name):
    """The outputs of a sequence of `store` commands equal the recorded ones."""
    with stopped_clock(NOW):
        messages = [transcript(line.split(), command(*line.split())) for line in STORE_SEQUENCES[name]]
    files = [contents(path.name) for path in sorted(shop.glob("b.csv"))]
    text = normalized("\n".join([*messages, *files]), shop)

    assert text == expected(f"shop/{name_of(name)}.txt", text)

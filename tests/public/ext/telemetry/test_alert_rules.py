"""The alert rules and the dashboard name only metrics, labels, and values that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from schema_guard.ext import telemetry

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which mkdocs installs")
PAGE = Path(__file__).parents[4].joinpath("schema_guard", "docs", "telemetry.md").read_text("utf-8")
(TEXT,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
DASHBOARD = json.loads(
    Path(__file__).parents[4].joinpath("schema_guard", "docs", "grafana.json").read_text("utf-8")
)
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
PROMTOOL = shutil.which("promtool")
LABELS = {"function", "schema", "reason", "code", "way"}
RULES = [rule for group in yaml.safe_load(TEXT)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_a_query_names_existing_metrics(query):
    """The endpoint declares each metric, and the page lists each label and each way."""
    on = telemetry.enable(otel=False)
    declared = set(re.findall(r"# TYPE (\w+) counter", on.text()))
    named = set(re.findall(r"\bschema_guard_\w+", query))
    labels = re.findall(r"by \(([\w, ]+)\)", query)
    ways = re.findall(r'way!?="(\w+)"', query)

    assert named
    assert named <= declared
    assert {label for group in labels for label in group.split(", ")} <= LABELS
    assert [way for way in ways if f"`{way}`" not in PAGE] == []


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool")
def test_promtool_accepts_the_rules(tmp_path):
    """Prometheus loads them."""
    (tmp_path / "rules.yml").write_text(TEXT)

    command = [PROMTOOL, "check", "rules", tmp_path / "rules.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, f"SUCCESS: {len(RULES)} rules found" in done.stdout) == (0, True), done

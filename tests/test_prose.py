"""The prose check: sentences, rules, old and new sentences, and a run on this checkout."""

import subprocess
from collections import Counter
from inspect import cleandoc

import pytest

from tests import prose
from tests.prose import Text


def words(texts):
    return [text.words for text in texts]


def breaches(sentence, rule, kind=None):
    kind = kind or rule.get("in", ["text"])[0]
    file = "schema_guard/bench/run/plan.py" if "files" in rule else "README.md"
    return list(prose.breaches_of_rule(rule, Text(1, kind, sentence), file))


@pytest.mark.parametrize("rule", prose.RULES, ids=lambda rule: rule["wrong"][:30])
def test_rule_flags_its_wrong_sentence_alone(rule):
    assert breaches(rule["wrong"], rule) != []
    assert breaches(rule["right"], rule) == []


@pytest.mark.parametrize("rule", prose.RULES, ids=lambda rule: rule["wrong"][:30])
def test_right_sentence_of_a_rule_breaches_no_other_rule(rule):
    kind = rule.get("in", ["text"])[0]
    text = Text(1, kind, rule["right"])

    assert [line for _, line in prose.breaches_of("schema_guard/x.py", [text], set())] == []


@pytest.mark.parametrize("key", ["not", "but", "wrong", "right"])
def test_each_rule_has_a_value(key):
    assert [rule for rule in prose.RULES if not rule.get(key)] == []


def test_each_exception_has_a_reason():
    reasons = [reason for rule in prose.RULES for reason in rule.get("except", {}).values()]

    assert reasons
    assert all(reasons)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One call. Two calls.", ["One call.", "Two calls."]),
        ("Use a host, e.g. Together. It is paid.", ["Use a host, e.g. Together.", "It is paid."]),
        ("It takes 2.5 seconds on 3.11 or newer.", ["It takes 2.5 seconds on 3.11 or newer."]),
        ("Open app.py and run it.", ["Open app.py and run it."]),
        ("It stops. schema_guard retries.", ["It stops.", "schema_guard retries."]),
        ("Does it retry? (Yes.) Then wait!", ["Does it retry?", "(Yes.)", "Then wait!"]),
        ("One sentence\non two lines.", ["One sentence on two lines."]),
    ],
)
def test_splits_sentences(text, sentences):
    assert [sentence for _, sentence in prose.split(text)] == sentences


PAGE = """\
# Record calls

A row has `n`, and a
[link](x.md). It is short.

- An item.

| a table | cell |
|---|---|
| is left | out |

```python
print("Code is left out.")
```
<!-- A comment is left out. -->
"""


def test_reads_sentences_of_a_page_with_their_lines():
    assert [text[:3] for text in prose.in_markdown(PAGE)] == [
        (1, "heading", "Record calls"),
        (3, "text", "A row has `_`, and a link."),
        (4, "text", "It is short."),
        (6, "text", "An item."),
    ]


MODULE = '''\
"""Module."""


def read(path):
    """Read a file.

    It stays open.

    >>> read("a")
    'doctest output'

    Args:
        path: Where the file is,
            on this machine.

    Returns:
        The text. None if it is empty.

    Raises:
        OSError: It cannot be read.
    """

    def inner():
        """Inner."""


class Row:
    """A row."""

    @property
    def size(self):
        """The size."""

    def _private(self):
        """Private."""


click.option("--port", help="Port. Default: a free " f"one of {PORTS}.")
'''


def test_reads_docstrings_and_help_without_running_the_module():
    assert [text[:3] for text in prose.in_python(MODULE) if text.is_public] == [
        (1, "docstring", "Module."),
        (5, "summary", "Read a file."),
        (7, "docstring", "It stays open."),
        (13, "docstring", "Where the file is, on this machine."),
        (17, "docstring", "The text."),
        (17, "docstring", "None if it is empty."),
        (20, "docstring", "It cannot be read."),
        (28, "docstring", "A row."),
        (32, "property", "The size."),
        (38, "help-start", "Port."),
        (38, "help", "Default: a free one of `_`."),
    ]


def test_leaves_out_examples_in_the_help_of_a_command():
    source = cleandoc('''
        def command():
            """Show the report.

            \\b
            schema-guard report --since 24h
            """
    ''')

    assert words(prose.in_python(source)) == ["Show the report."]


@pytest.mark.parametrize(
    ("path", "is_public"),
    [
        ("schema_guard/stats/rates.py", True),
        ("schema_guard/stats/__init__.py", True),
        ("schema_guard/_stats/rates.py", False),
        ("schema_guard/__main__.py", False),
        ("schema_guard/ext/tuning/command.py", True),
    ],
)
def test_checks_docstrings_of_public_modules_only(path, is_public):
    assert [text.is_public for text in prose.in_file(path, '"""A module."""')] == [is_public]


def test_checks_help_of_private_modules():
    (text,) = prose.in_file("schema_guard/_cli.py", 'option(help="Port.")')

    assert text.is_public


def test_docstring_of_a_private_test_helper_is_checked_as_text():
    (text,) = prose.in_file("tests/cli/test_x.py", 'def _run():\n    """A fact."""')

    assert (text.is_public, text.kind) == (True, "text")


def test_old_sentence_of_a_test_is_not_reported():
    texts = [Text(7, "text", "The next rung."), Text(8, "text", "A new rung.")]
    items = list(prose.breaches_of("tests/test_x.py", texts, {texts[0].key}))

    assert items == [(True, 'tests/test_x.py:8: "rung" -> "step"   (A new rung.)')]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("`judge` reads it.", "`validate` reads it."),
        ("See docs/a.md for it.", "See ext/docs/a.md for it."),
        ("A schema_guard.core.Schema.", "A schema_guard.Schema."),
        ("Runs PageServer.", "Runs LivePage."),
        ("Two  spaces.", "two spaces."),
    ],
)
def test_renamed_identifier_makes_no_new_sentence(before, after):
    (old,), (new,) = prose.in_markdown(before), prose.in_markdown(after)

    assert old.key == new.key


def test_another_word_makes_a_new_sentence():
    assert Text(1, "text", "The next rung.").key != Text(1, "text", "The last rung.").key


def test_reports_breach_with_file_line_words_and_replacement():
    texts = [Text(7, "text", "The next rung.")]

    assert list(prose.breaches_of("README.md", texts, set())) == [
        (True, 'README.md:7: "rung" -> "step"   (The next rung.)')
    ]


def test_breach_in_an_old_sentence_is_old():
    text = Text(7, "text", "The next rung.")

    assert [is_new for is_new, _ in prose.breaches_of("README.md", [text], {text.key})] == [False]


@pytest.mark.parametrize(("count", "faults"), [(40, 0), (41, 1)])
def test_rejects_sentences_of_more_than_40_words(count, faults):
    text = Text(1, "docstring", " ".join(["word"] * count))

    assert len(list(prose.breaches_of("schema_guard/x.py", [text], set()))) == faults


@pytest.mark.parametrize(("count", "faults"), [(18, 0), (19, 1)])
def test_rejects_page_with_a_mean_above_18_words(count, faults):
    texts = [Text(1, "text", " ".join(["word"] * count)), Text(2, "heading", "Short")]

    assert len(list(prose.breaches_of("README.md", texts, set()))) == faults


@pytest.mark.parametrize(
    ("subject", "faults"),
    [
        ("Reject schemas without keywords", 0),
        ("x" * 73, 2),
        ("The report has bounds", 1),
        ("reject schemas", 1),
        ("Add " + "x" * 68, 0),
        ("Add " + "x" * 69, 1),
    ],
)
def test_checks_subjects_of_commits(subject, faults):
    assert len(list(prose.wrong_subjects([f"abc1234 {subject}"]))) == faults


@pytest.fixture
def record(tmp_path, monkeypatch):
    path = tmp_path / "prose.json"
    path.write_text('{"a.py": 2, "b.py": 1}')
    monkeypatch.setattr(prose, "RECORD", path)
    return path


def faults_of(update=False, **counts):
    return list(
        prose.faults_of_record(Counter({f"{name}.py": n for name, n in counts.items()}), update=update)
    )


def test_old_breaches_may_move_to_another_file(record):
    assert faults_of(moved=2, b=1) == []


def test_old_breaches_may_not_increase(record):
    (fault,) = faults_of(a=2, b=2)

    assert "3 -> 4" in fault
    assert "b.py (1 -> 2)" in fault


def test_update_lowers_the_record(record):
    assert faults_of(update=True, a=1) == []
    assert record.read_text() == '{\n "a.py": 1\n}\n'


def test_update_does_not_raise_the_record(record):
    assert faults_of(update=True, a=4) != []
    assert record.read_text() == '{"a.py": 2, "b.py": 1}'


def test_missing_record_is_a_fault(record):
    record.unlink()

    (fault,) = faults_of(a=1)

    assert "--update" in fault


def test_checks_nothing_without_the_history(monkeypatch):
    def refuse(*arguments):
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(prose, "git", refuse)

    with pytest.raises(SystemExit, match="nothing was checked") as error:
        prose.main([])

    assert "git fetch" in str(error.value)


@pytest.mark.costly
@pytest.mark.skipif(not (prose.ROOT / ".git").exists(), reason="there is no history to compare with")
def test_this_checkout_has_no_new_breach(capsys):
    assert prose.main([]) == 0, capsys.readouterr().out

"""Facts about the version of a function: what its author would call a change, and nothing else."""

from __future__ import annotations

import functools
import sys

import pytest

from tests.public.calls.version.modules import module_of, version, version_of, without_source

BASE = '''
    from pathlib import Path
    from textwrap import dedent
    from uuid import uuid4

    HEAD = "You sort tickets."
    PROMPT = f"{HEAD} Be short."
    LONG = dedent("""
        Long.
    """).strip()
    SHOTS = [{"role": "user", "content": "a"}, {"role": "user", "content": HEAD}]
    TEMPERATURE = 0.5
    RUN = str(uuid4())
    COUNT = 0
    TWICE = "a"
    TWICE = "b"

    class Texts:
        RULES = "Never guess."

        @staticmethod
        def rules():
            return "Rules."

    def told(prompt):
        return inner(prompt) + Texts.rules()

    def inner(prompt):
        return prompt.upper()

    def unused():
        return "unused"

    def ask(prompt, tone="dry"):
        """Ask."""
        global COUNT
        COUNT += 1
        text = f"{PROMPT}{LONG}{Texts.RULES}{RUN}{TWICE}{prompt!r:>{3}}"  # sent
        return told(text), SHOTS, TEMPERATURE, tone
'''


def changed(old, new):
    assert BASE.count(old) == 1, old
    return BASE.replace(old, new)


CHANGES = {
    "the code": ("global COUNT\n        COUNT += 1", "global COUNT\n        COUNT += 2"),
    "a default": ('tone="dry"', 'tone="warm"'),
    "a text of the module": ('HEAD = "You sort tickets."', 'HEAD = "You sort mail."'),
    "a text that is brought into shape": ("Long.", "Longer."),
    "a list of texts": ('"content": "a"', '"content": "b"'),
    "a number": ("TEMPERATURE = 0.5", "TEMPERATURE = 0.6"),
    "a text of a class": ("Never guess.", "Guess."),
    "a function that is called": ("return inner(prompt)", "return inner(prompt) + '!'"),
    "a function that is called by that": ("prompt.upper()", "prompt.lower()"),
    "a method that is called": ('"Rules."', '"No rules."'),
    "how a value is written into a text": ("{prompt!r:>{3}}", "{prompt!s:>{3}}"),
    "a call whose result is read": ("RUN = str(uuid4())", "RUN = str(uuid4()) + 'x'"),
    "one of two values of a name": ('TWICE = "b"', 'TWICE = "c"'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_its_author_would_call_a_change_is_one(change, tmp_path):
    """Another code, default, text, number or called function is another version."""
    assert version(tmp_path, BASE) != version(tmp_path, changed(*CHANGES[change]))


def test_version_is_the_same_in_each_process(tmp_path):
    """The result of a call, such as `uuid4()`, is no part of a version."""
    modules = [module_of(tmp_path, BASE) for _ in range(2)]

    assert modules[0].RUN != modules[1].RUN
    assert version_of(modules[0].ask) == version_of(modules[1].ask)


NO_CHANGES = {
    "a comment": ("  # sent", "  # to the model"),
    "a docstring": ('"""Ask."""', '"""Ask the model, and\n\n        wait."""'),
    "a decorator": ("def ask(", "@(lambda f: f)\n    def ask("),
    "layout": (
        'def ask(prompt, tone="dry"):',
        "\n\n    def ask(\n        prompt,\n        tone='dry',\n    ):",
    ),
    "a function that nobody calls": ('"unused"', '"still unused"'),
    "a name that the function rebinds": ("COUNT = 0", "COUNT = 7"),
    "what stands elsewhere in the module": (
        "from uuid import uuid4",
        "from uuid import uuid4\n    import os",
    ),
}


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_its_author_would_not_call_a_change_is_none(change, tmp_path):
    """Comments, docstrings, layout, decorators, and what a call gives are no part of a version."""
    assert version(tmp_path, BASE) == version(tmp_path, changed(*NO_CHANGES[change]))


def test_types_are_no_part_of_a_version(tmp_path):
    """Imports for a type checker, and the meaning of names in annotations, are no part of a version."""
    text = """
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from json import JSONDecoder

    Text = str

    def ask(prompt: Text, decoder: "JSONDecoder | None" = None) -> Text:
        return prompt
    """
    base = version(tmp_path, text)

    for old, new in (
        ("import JSONDecoder", "import JSONEncoder, JSONDecoder"),
        ("Text = str", "Text = object"),
    ):
        assert version(tmp_path, text.replace(old, new)) == base, old


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "bound",
    [
        'PROMPT = HERE.joinpath("p.txt").read_text(encoding="utf-8")',
        'PROMPT = (HERE / "p.txt").read_text().strip()',
        'PROMPT = open(HERE / "p.txt").read()',
        'with open(HERE / "p.txt") as file:\n        PROMPT = file.read()',
        'PROMPT = (HERE / "p.txt").read_bytes().decode()',
    ],
)
def test_text_that_is_read_from_a_file_counts(bound, tmp_path):
    """The text of a prompt that stands in a file is a part of the version."""
    text = f"""
    from pathlib import Path

    HERE = Path(__file__).parent
    {bound}

    def ask(prompt):
        return PROMPT + prompt
    """
    versions = []
    for prompt in ("Be short.", "Be short.", "Be long."):
        (tmp_path / "p.txt").write_text(prompt)
        versions.append(version(tmp_path, text))

    assert versions[0] == versions[1] != versions[2]


def test_a_text_that_is_imported_counts(tmp_path):
    """A prompt in a module of prompts is a part of the version, imported by itself or with its module."""
    texts = [
        "from prompts_of_test import SYSTEM\n\ndef ask(prompt):\n    return SYSTEM + prompt\n",
        "import prompts_of_test as p\n\ndef ask(prompt):\n    return p.SYSTEM + prompt\n",
    ]
    for text in texts:
        versions = []
        for shown in ("Be short.", "Be long."):
            module_of(tmp_path, f"SYSTEM = {shown!r}\nOTHER = {shown!r}", "prompts_of_test")
            versions.append(version(tmp_path, text))
        assert versions[0] != versions[1]
    del sys.modules["prompts_of_test"]


FACTORY = """
    def make(tone, model, shots=()):
        prompt = f"Be {tone}."
        def helper(text):
            return text.upper() + model
        def ask(text):
            return helper(prompt + text), shots
        return ask

    ask = make({})
"""


def test_functions_of_one_factory_have_versions_of_their_values(tmp_path):
    """Two functions that one factory made with another prompt, model, or list of examples are two versions."""
    arguments = ("'dry', 'a'", "'warm', 'a'", "'dry', 'b'", "'dry', 'a', [{'role': 'user'}]")
    versions = [version(tmp_path, FACTORY.replace("{}", each)) for each in arguments]

    assert len(set(versions)) == 4
    assert version(tmp_path, FACTORY.replace("{}", arguments[0])) == versions[0]


def test_source_around_a_closure_counts(tmp_path):
    """Code of the factory that the function reads is a part of its version."""
    text = FACTORY.replace("{}", "'dry', 'a'")

    for old, new in (("upper", "lower"), ("Be ", "Stay ")):
        assert version(tmp_path, text) != version(tmp_path, text.replace(old, new)), old


def test_objects_in_a_closure_are_no_part_of_a_version(tmp_path):
    """A client in a closure has no value that is the same in each process."""
    versions = {version(tmp_path, FACTORY.replace("{}", "'dry', 'a', object()")) for _ in range(2)}

    assert len(versions) == 1


def test_many_values_in_a_closure_do_not_count(tmp_path, caplog):
    """A function that each request makes anew has at most 20 versions of its values, and one for all others."""
    module = module_of(tmp_path, FACTORY.replace("{}", "'', ''"))
    versions = [version_of(module.make(str(request), "a")) for request in range(25)]

    assert len(set(versions[:20])) == 20
    assert len(set(versions[20:])) == 1
    assert "name the version" in caplog.text


def test_methods_are_followed(tmp_path):
    """What a method reads of its class is a part of its version: other methods, properties and texts, inherited too."""
    text = """
    class Base:
        RULES = "Never guess."

        @property
        def tone(self):
            return "dry"

    class Client(Base):
        PROMPT = "Be short."

        def told(self, prompt):
            return self.PROMPT + prompt

        def method(self, prompt):
            return self.told(prompt) + self.RULES + self.tone

        def other(self):
            return "other"

    ask = Client().method
    """
    base = version(tmp_path, text)

    for old, new in (
        ("short", "long"),
        ("Never", "Always"),
        ('"dry"', '"warm"'),
        ("+ prompt", "+ prompt * 2"),
    ):
        assert version(tmp_path, text.replace(old, new)) != base, old
    assert version(tmp_path, text.replace('"other"', '"another"')) == base


def test_partials_and_wrappers_are_looked_through(tmp_path):
    """A partial's texts and numbers count; a decorator does not, and what it wraps does."""
    text = """
    import functools

    def asked(prompt, tone="dry"):
        return prompt

    def retried(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    ask = {}
    """
    versions = {made: version(tmp_path, text.format(made)) for made in (
        "asked",
        "retried(asked)",
        "functools.partial(asked)",
        "functools.partial(asked, tone='warm')",
        "functools.partial(asked, tone='cold')",
        "functools.partial(retried(asked), tone='cold')",
        "functools.partial(asked, tone=object())",
        "functools.lru_cache(asked)",
    )}  # fmt: skip

    names = list(versions)
    assert len({versions[name] for name in (names[0], names[1], names[2], names[7])}) == 1
    assert versions[names[4]] == versions[names[5]]
    assert len(set(versions.values())) == 4
    assert versions[names[6]] == version(tmp_path, text.format(names[6]))


def test_two_functions_that_call_each_other(tmp_path):
    """A circle of calls ends."""
    text = "def ask(prompt):\n    return other(prompt)\n\ndef other(prompt):\n    return ask(prompt)\n"

    assert version(tmp_path, text) != version(
        tmp_path, text.replace("return ask(prompt)", "return ask(prompt + '')")
    )


SOURCELESS = '''
    PROMPT = "Be short."

    def told(prompt):
        """Tell."""
        return prompt.upper()

    def ask(prompt, tone="dry"):
        """Ask."""
        return send(text=PROMPT + prompt, temperature=0.5, most=300, words=[word + prompt for word in told(prompt)])
'''


def test_without_source_names_and_constants_stand_for_it():
    """A function of `python -c` or of a notebook has a version that follows its names and constants."""
    base = without_source(SOURCELESS)

    assert without_source(SOURCELESS.replace("Tell.", "Say.").replace("Ask.", "Ask it.")) == base
    for old, new in (
        ("0.5", "0.6"),
        ("300", "301"),
        ("send(", "post("),
        ("upper", "lower"),
        ('"dry"', '"warm"'),
    ):
        assert without_source(SOURCELESS.replace(old, new)) != base, old


def test_a_lambda_has_a_version(tmp_path):
    """A lambda's names and constants stand for it, and what its module's names are bound to."""
    text = 'PROMPT = "Be short."\nask = lambda prompt: PROMPT + prompt + "!"\n'
    base = version(tmp_path, text)

    assert version(tmp_path, "\n\n" + text) == base
    assert version(tmp_path, text.replace('"!"', '"?"')) != base
    assert version(tmp_path, text.replace("short", "long")) != base


def test_what_has_no_code_goes_by_its_name():
    """A callable that is written in C, and an object whose class is, have the version of their name."""
    assert version_of(len) == version_of(functools.partial(len)) != version_of(sorted)

"""Check the prose of README, docs, CLI help, public docstrings, and new tests against `prose_rules.toml`.

    python tests/prose.py             report the breaches of sentences and commit subjects since the one in .ci/subjects-from
    python tests/prose.py PATH ...    report the breaches in old sentences of these files too
    python tests/prose.py --counts    print the number of breaches of each file too
    python tests/prose.py --update    lower the counts in prose.json, and follow moved files

A sentence is old if it is anywhere in that commit, even with other identifiers or with the words of `prose_words.json`.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests/prose.json"
RULES = tomllib.loads((ROOT / "tests/prose_rules.toml").read_text(encoding="utf-8"))["rule"]
MOST_WORDS, MOST_MEAN, MOST_IN_SUBJECT = 40, 18.0, 72
CODE, FUNCTIONS = "`_`", (ast.FunctionDef, ast.AsyncFunctionDef)  # CODE stands for inline code
MARKDOWN = MarkdownIt("commonmark").enable("table")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|vs)\.")
END = re.compile(r"(?<=[.!?])(?<! \.\.\.)[)\"'\]]*\s+(?=[\"'(\[]*(?:[A-Z0-9`]|[a-z]+_[a-z]))")
IDENTIFIER = re.compile(
    r"`_`|--\w[\w-]*|\w+(?:[./]\w+)+|\w*_\w+(?:\(\))?|\b[A-Z]\w*[a-z]\w*[A-Z]\w*|(?<!\w)[./]\w[\w./-]*"
)
SECTION = re.compile(r" *(?:Args|Attributes|Raises|Returns|Yields|Examples?|Notes?):$")
WORDS = json.loads((ROOT / "tests/prose_words.json").read_text(encoding="utf-8"))["words"]
WORD = re.compile(rf"(?:\ban? )?\b(?:{'|'.join(sorted({*WORDS, *WORDS.values()}, key=len, reverse=True))})\b")
ENTRY = re.compile(r" {4}[\w.*]+(?:, [\w.*]+)*(?: \([^)]*\))?: ")


class Text(NamedTuple):
    """A sentence. Its kind is text, heading, summary, property, docstring, help-start, or help."""

    line: int
    kind: str
    words: str
    is_public: bool = True

    @property
    def key(self) -> str:
        """The normal form. Sentences with the same one differ only in case, spaces, identifiers, and renamed words."""
        return " ".join(WORD.sub(CODE, IDENTIFIER.sub(CODE, self.words).casefold()).split())

    @property
    def length(self) -> int:
        return sum(any(map(str.isalnum, word)) or CODE in word for word in self.words.split())


def breaches_of_rule(rule: dict[str, Any], text: Text, file: str) -> Iterator[str]:
    """Yield the words that breach a rule: matches of its pattern that no exception covers."""
    if text.kind not in rule.get("in", text.kind) or not re.match(rule.get("files", ""), file):
        return
    for match in re.finditer(rule["not"], text.words, re.IGNORECASE):
        allowed = [one for words in rule.get("except", ()) for one in re.finditer(f"(?i){words}", text.words)]
        if not any(one.start() <= match.start() and match.end() <= one.end() for one in allowed):
            yield match[0]


def split(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence of a paragraph with its offset."""
    masked, start = ABBREVIATION.sub(lambda match: match[0].replace(".", "\0"), text), 0
    for end in [*(match.end() for match in END.finditer(masked)), len(text)]:
        if words := " ".join(text[start:end].split()):
            yield start, words
        start = end


@cache
def in_markdown(text: str, first_kind: str = "text", kind: str = "text") -> list[Text]:
    """Return the sentences of a page, without code, tables, and HTML."""
    results: list[Text] = []
    in_table = in_heading = False
    plain = {"code_inline": CODE, "softbreak": "\n", "hardbreak": "\n"}
    for token in MARKDOWN.parse(text):
        in_table = token.type != "table_close" and (in_table or token.type == "table_open")
        in_heading = token.type != "heading_close" and (in_heading or token.type == "heading_open")
        if token.type == "inline" and not in_table:
            children = token.children or ()
            words = "".join(plain.get(one.type, one.content * (one.type == "text")) for one in children)
            for offset, sentence in split(words):
                line = (token.map or [0])[0] + 1 + words.count("\n", 0, offset)
                results.append(
                    Text(line, "heading" if in_heading else kind if results else first_kind, sentence)
                )
    return results


def as_markdown(docstring: str) -> str:
    """Return a docstring as Markdown with the same lines. Names of sections and doctests become empty lines."""
    lines, in_section, in_code = [], False, False
    for line in inspect.cleandoc(docstring).split("\n"):
        is_heading = bool(SECTION.match(line))
        in_section = is_heading or (in_section and (not line.strip() or line.startswith(" ")))
        in_code = line.lstrip(" ").startswith((">>>", "\b")) or (in_code and bool(line.strip()))
        if in_section and not in_code:
            line = ENTRY.sub("- ", line, count=1) if ENTRY.match(line) else line.lstrip()  # noqa: PLW2901
        lines.append("" if is_heading or in_code else line)
    return "\n".join(lines)


def first_kind_of(node: ast.AST) -> str:
    decorators = [getattr(one, "func", one) for one in getattr(node, "decorator_list", ())]
    if {"property", "cached_property"} & {getattr(one, "id", "") for one in decorators}:
        return "property"
    return "summary" if isinstance(node, FUNCTIONS) else "docstring"


def literal(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(literal, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else CODE


@cache
def in_python(source: str) -> list[Text]:
    """Return the sentences of docstrings and of the `help=` of options. The module is not imported."""
    results: list[Text] = []

    def visit(node: ast.AST, is_public: bool) -> None:
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)):
            is_public = is_public and not getattr(node, "name", "").startswith("_")
            if docstring := ast.get_docstring(node, clean=False):
                texts = in_markdown(as_markdown(docstring), first_kind_of(node), "docstring")
                first = node.body[0].lineno - 1
                results.extend(one._replace(line=first + one.line, is_public=is_public) for one in texts)
            is_public = is_public and not isinstance(node, FUNCTIONS)
        elif isinstance(node, ast.keyword) and node.arg in ("help", "short_help", "epilog"):
            texts = in_markdown(literal(node.value), "help-start", "help")
            results.extend(one._replace(line=node.value.lineno - 1 + one.line) for one in texts)
        for child in ast.iter_child_nodes(node):
            visit(child, is_public)

    visit(ast.parse(source), is_public=True)
    return results


def in_file(path: str, content: str) -> list[Text]:
    """Return all sentences of a file, or none if the check does not read it."""
    if path == "README.md" or re.match(r"schema_guard/docs/[^/]*\.md$", path):
        return in_markdown(content)
    texts = in_python(content) if path.endswith(".py") else []
    if path.startswith("tests/"):  # a test's docstring states a fact, so it needs no imperative
        return [one._replace(kind="text", is_public=True) for one in texts]
    is_private = re.search(r"/_(?!_init__\.py)", path)
    return [one._replace(is_public=False) if is_private and "help" not in one.kind else one for one in texts]


def working_tree() -> dict[str, list[Text]]:
    globs = ("README.md", "schema_guard/**/*.[pm][yd]", "tests/**/*.py")
    paths = [path for one in globs for path in sorted(ROOT.glob(one))]
    files = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return {name: [one for one in in_file(name, content) if one.is_public] for name, content in files.items()}


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout


def base() -> str:
    """Return the commit after which sentences and subjects are new. Exit if it is not in the history."""
    commit = (ROOT / ".ci/subjects-from").read_text(encoding="utf-8").strip()
    try:
        git("merge-base", "--is-ancestor", commit, "HEAD")
    except (subprocess.CalledProcessError, OSError):
        sys.exit(f"prose: nothing was checked: {commit[:12]} is missing; run: git fetch --unshallow")
    return commit


def keys_at(commit: str) -> set[str]:
    """Return the normal forms of all sentences at a commit, including private docstrings."""
    data = io.BytesIO(git("archive", commit, "README.md", "schema_guard", "tests"))
    with tarfile.open(fileobj=data) as archive:
        names = [name for name in archive.getnames() if name.endswith((".py", ".md"))]
        files = {name: archive.extractfile(name).read().decode() for name in names}
    return {text.key for name, content in files.items() for text in in_file(name, content)}


def breaches_of(file: str, texts: list[Text], old: set[str]) -> Iterator[tuple[bool, str]]:
    """Yield whether each breach is new, and a line. A breach of a page is new if most of its sentences are."""
    for text in (one for one in texts if not (file.startswith("tests/") and one.key in old)):
        results = [(words, rule["but"]) for rule in RULES for words in breaches_of_rule(rule, text, file)]
        if text.length > MOST_WORDS:
            results.append((f"{text.length} words", f"at most {MOST_WORDS}, better 25"))
        for words, advice in results:
            line = f'{file}:{text.line}: "{words[:40]}" -> {advice}   ({text.words[:160]})'
            yield text.key not in old, line
    lengths = [text.length for text in texts if text.kind != "heading"]
    if file.endswith(".md") and sum(lengths) > MOST_MEAN * len(lengths):
        mean, new = sum(lengths) / len(lengths), sum(text.key not in old for text in texts)
        line = f"{file}:1: {mean:.1f} words in the mean sentence -> at most {MOST_MEAN:g}"
        yield 2 * new > len(texts), line


def wrong_subjects(subjects: Iterable[str]) -> Iterator[str]:
    """Yield a line for each fault in subjects of commits. Each subject follows its hash."""
    for commit, _, subject in (line.partition(" ") for line in subjects):
        if len(subject) > MOST_IN_SUBJECT:
            yield f"commit {commit}: {len(subject)} characters -> at most {MOST_IN_SUBJECT}   ({subject[:60]})"
        if re.match(r"(?:An?|an?|[Tt]he) |[a-z]", subject):
            yield f"commit {commit}: {subject.split()[0]!r} -> an imperative in upper case   ({subject[:60]})"


def faults_of_record(counts: Counter[str], *, update: bool) -> Iterator[str]:
    """Compare the breaches of old sentences with the record. Sentences can move, but the sum can only fall."""
    record = Counter(json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else counts)
    if counts.total() > record.total():
        more = (f"{file} ({record[file]} -> {counts[file]})" for file in sorted(counts - record))
        yield f"breaches in old sentences: {record.total()} -> {counts.total()}, may only fall: {', '.join(more)}"
    elif update:
        RECORD.write_text(json.dumps(dict(sorted(counts.items())), indent=1) + "\n", encoding="utf-8")
    elif not RECORD.exists():
        yield "tests/prose.json is missing; run: python tests/prose.py --update"
    elif counts != record:
        print("tests/prose.json is out of date; run: python tests/prose.py --update")


def main(arguments: list[str]) -> int:
    """Print each breach; return 1 if there is one."""
    paths = [one.removeprefix("./") for one in arguments if not one.startswith("--")]
    files, old = working_tree(), keys_at(commit := base())
    results = {file: list(breaches_of(file, texts, old)) for file, texts in files.items()}
    counts = Counter({file: n for file in files if (n := sum(not is_new for is_new, _ in results[file]))})
    for file in files if "--counts" in arguments else ():
        print(f"{len(files[file]):6} sentences {len(results[file]):5} breaches {counts[file]:5} old  {file}")
    subjects = git("log", "--no-merges", "--format=%h %s", f"{commit}..HEAD").decode().splitlines()
    faults = [
        line for file, several in results.items() for is_new, line in several if is_new or file in paths
    ]
    faults += [*wrong_subjects(subjects), *faults_of_record(counts, update="--update" in arguments)]
    new = sum(text.key not in old for texts in files.values() for text in texts)
    print(*faults, sep="\n", end="\n" * bool(faults))
    checked = f"{sum(map(len, files.values()))} sentences ({new} new) and {len(subjects)} subjects checked"
    print(f"{checked}: {len(faults)} faults; {counts.total()} breaches remain in old sentences")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

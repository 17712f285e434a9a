"""The official JSON Schema test suite: every draft, its remotes as resources."""

import json
import tarfile

import pytest

from schema_guard import InvalidSchema, Schema

DRAFTS = {
    "draft4": "draft4",
    "draft6": "draft6",
    "draft7": "draft7",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
}
# Its metaschema has no vocabulary of assertions, so that "type" would mean nothing: refused as an unknown dialect.
WITHOUT_ASSERTIONS = "schema that uses custom metaschema with with no validation vocabulary"


@pytest.fixture(scope="module")
def suite(corpora):
    """Every JSON file of the suite by its path in it."""
    files = {}
    with tarfile.open(corpora / "json-schema-test-suite.tar.gz") as archive:
        for member in archive.getmembers():
            if member.name.endswith(".json"):
                files[member.name.removeprefix("./")] = json.load(archive.extractfile(member))
    return files


def remotes(suite, draft):
    """The documents that the suite's references may reach: those of the draft, and those of none."""
    results = {}
    for path, document in suite.items():
        folder, _, rest = path.partition("/")
        if folder == "remotes" and (rest.startswith(f"{draft}/") or not rest.startswith(("draft", "v1/"))):
            results[f"http://localhost:1234/{rest}"] = document
    return results


def wrong(suite, draft, folder, *, formats):
    """Count the cases of a folder and name those that are judged otherwise than the suite says."""
    count, result = 0, []
    resources = remotes(suite, draft)
    for path, groups in suite.items():
        directory, _, name = path.rpartition("/")
        for group in groups if directory == folder else ():
            count += len(group["tests"])
            result += [
                (name, group["description"], text)
                for text in judged_wrong(group, DRAFTS[draft], formats, resources)
            ]
    return count, result


def judged_wrong(group, dialect, formats, resources):
    try:
        schema = Schema.of(group["schema"], dialect=dialect, formats=formats, resources=resources)
    except InvalidSchema as error:
        return [error.code for _ in group["tests"]]
    messages = []
    for case in group["tests"]:
        answers = {
            schema.is_valid(case["data"]),
            schema.accepts(case["data"]),
            not schema.violations(case["data"]),
        }
        if answers != {case["valid"]}:
            messages.append(case["description"])
    return messages


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_cases_are_judged_as_the_suite_says(suite, draft):
    """Every required case is right, but for the dialect that does not assert."""
    count, result = wrong(suite, draft, f"tests/{draft}", formats=False)

    assert count > 600
    assert [case for case in result if case[1:] != (WITHOUT_ASSERTIONS, "unknown_dialect")] == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_formats_are_judged_as_the_suite_says(suite, draft):
    """Every case of a format is right when formats are asserted."""
    count, result = wrong(suite, draft, f"tests/{draft}/optional/format", formats=True)

    assert count > 200
    assert result == []

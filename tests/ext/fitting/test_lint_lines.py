"""The line of each part of a schema file."""

import json

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.fitting.lint_command.sources import lines_of
from schema_guard.pointer import escape
from tests.thinned import examples

_TEXT = st.text(alphabet='a"\\\\/~{}[]:,\n', max_size=4)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


def written(value, place, line, found):
    """Note the lines of a value as `json.dumps(indent=1)` writes it, one part a line; gives the next line."""
    found[place] = line
    if not isinstance(value, dict | list) or not value:
        return line + 1
    line += 1
    for token, member in value.items() if isinstance(value, dict) else enumerate(value):
        line = written(member, f"{place}/{escape(str(token))}", line, found)
    return line + 1


@examples(25)
@given(DOCUMENTS)
def test_each_place_has_the_line_on_which_it_stands(document):
    """Each member and item has its line, whatever signs stand in keys and texts."""
    expected = {}
    written(document, "", 1, expected)

    assert lines_of(json.dumps(document, indent=1)) == expected
    assert lines_of(json.dumps(document)) == dict.fromkeys(expected, 1)

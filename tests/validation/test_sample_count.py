"""The number of instances drawn from a schema."""

import pytest

from schema_guard import Schema
from schema_guard.validation.drawing.samples import samples


@pytest.mark.parametrize("count", [1, 3])
def test_count_is_a_bound(count):
    """At most so many are drawn, all different."""
    assert samples(Schema.of({"type": "integer"}), count=count) == [1, 2, 3][:count]

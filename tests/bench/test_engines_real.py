"""The engines themselves: each that is installed compiles, accepts, rejects and gives masks."""

import pytest

from schema_guard import Schema
from schema_guard.bench.engines import ENGINES, Limits, run_engines
from schema_guard.bench.suite import Instance, Suite, SuiteSchema
from schema_guard.models.weights import weights_found

ORDER = {
    "type": "object",
    "properties": {"item": {"enum": ["hat", "bag"]}, "qty": {"type": "integer"}},
    "required": ["item", "qty"],
    "additionalProperties": False,
}
INSTANCES = (
    Instance(valid=True, data={"item": "hat", "qty": 12}),
    Instance(valid=False, data={"item": "cap", "qty": 12}),
    Instance(valid=False, data={"item": "hat", "qty": "12"}),
    Instance(valid=False, data={"item": "hat"}),
)


def suite_of(document, instances=INSTANCES):
    entry = SuiteSchema("order", "order", "", "MIT", Schema.of(document, name="order"), (), instances)
    return Suite("one", "", "MIT", "0123456789abcdef", (entry,))


def checked(engine, document):
    """What an engine makes of one schema; with single bytes, or the local model's vocabulary where it needs one."""
    if not engine.is_installed:
        pytest.skip(f"{engine.package} is not installed: {engine.pip_command}")
    weights = weights_found() if engine.needs_model else None
    if engine.needs_model and weights is None:
        pytest.skip("the weights of the local model are not there")
    (found,) = run_engines(
        suite_of(document), [engine], weights=weights, limits=Limits(schema_s=60.0)
    ).engines
    assert found.not_measured is None
    return found.checked[0]


def marks_of(engine):
    """Slow ones: a server with a model, and an engine that imports torch."""
    if engine.needs_model:
        return [pytest.mark.local_model]
    return [pytest.mark.slow] if engine.package == "xgrammar" else []


@pytest.mark.parametrize("engine", [pytest.param(e, id=e.name, marks=marks_of(e)) for e in ENGINES])
def test_closed_object_is_supported_with_times(engine):
    """A schema that every engine can do is supported, and its times are there."""
    found = checked(engine, ORDER)

    assert found.is_supported, found
    assert found.compile_s is not None
    assert len(found.mask_s) > 0


def test_llguidance_refuses_what_it_cannot_enforce():
    """A keyword that it does not know is a refusal with its name."""
    found = checked(ENGINES[0], {**ORDER, "not": {"required": ["x"]}})

    assert (found.state, found.reason) == ("refused", 'Unimplemented keys: ["not"]')

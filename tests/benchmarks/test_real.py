"""The engines themselves: each that is installed compiles, accepts, rejects and gives masks."""

import pytest

from benchmarks.engine_checks import ENGINES, EngineLimits, run_engines
from benchmarks.engine_checks.suite import EngineSchema, EngineSuite, Instance
from schema_guard import Schema
from schema_guard.models import local_weights
from tests.needs import needs

pytestmark = needs("local")

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
    entry = EngineSchema("order", Schema.of(document, name="order"), instances)
    return EngineSuite("one", "0123456789abcdef", (entry,))


def checked(engine, document, weights=None):
    """What an engine makes of one schema; a skip where its package is missing, and nowhere else."""
    if not engine.is_installed:
        pytest.skip(f"{engine.package} is not installed: {engine.pip_command}")
    (result,) = run_engines(
        suite_of(document), [engine], weights=weights, limits=EngineLimits(schema_s=60.0)
    ).engines
    assert result.not_measured is None
    return result.checked[0]


def marks_of(engine):
    """Slow is an engine that imports torch."""
    return [pytest.mark.slow] if engine.package == "xgrammar" else []


def test_with_the_extra_dev_only_xgrammar_may_be_missing():
    """A skip below never hides an engine that was to be there: all but the one that brings torch."""
    # Only this extra brings it.
    pytest.importorskip("pyright", reason="needs the extra 'dev'")

    assert {engine.name: engine.is_installed for engine in ENGINES if engine.package != "xgrammar"} == {
        "llguidance": True,
        "outlines-core": True,
        "llama.cpp": True,
    }


@pytest.mark.costly
@pytest.mark.parametrize(
    "engine", [pytest.param(e, id=e.name, marks=marks_of(e)) for e in ENGINES if not e.needs_model]
)
def test_closed_object_is_supported_with_times(engine):
    """A schema that every engine can do is supported, and its times are there."""
    result = checked(engine, ORDER)

    assert result.is_supported, result
    assert result.compile_s is not None
    assert len(result.mask_s) > 0


@pytest.mark.local_model
@pytest.mark.parametrize("engine", [pytest.param(e, id=e.name) for e in ENGINES])
def test_closed_object_is_supported_with_the_tokens_of_a_model(engine):
    """So it is with the vocabulary that results are of: the local model's, which is fetched when it is not there."""
    result = checked(engine, ORDER, local_weights())

    assert result.is_supported, result
    assert result.compile_s is not None
    assert len(result.mask_s) > 0


@pytest.mark.costly
def test_llguidance_refuses_what_it_cannot_enforce():
    """A keyword that it does not know is a refusal with its name."""
    result = checked(ENGINES[0], {**ORDER, "not": {"required": ["x"]}})

    assert (result.state, result.reason) == ("refused", 'Unimplemented keys: ["not"]')

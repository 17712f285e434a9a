"""Decision models beside the best of several prompts on the same inputs."""

from random import Random

from schema_guard.decide import decide
from schema_guard.decide.recorded.comparisons import values_beside

SEEDS, PROMPTS, INPUTS = 200, 8, 150
ALPHA, MARGIN, RIGHT = 0.2, 0.02, 0.5


def beside(seed):
    """Return a decision model beside equally good prompts. It loses exactly the margin."""
    random = Random(seed)

    def wrong(right):
        return {task: float(random.random() >= right) for task in range(INPUTS)}

    return values_beside(
        wrong(RIGHT - MARGIN), {f"prompt {number}": wrong(RIGHT) for number in range(PROMPTS)}
    )


def state(content):
    """Return the state of the values of a decision model at ALPHA."""
    counts = {"n": INPUTS, "k_final": 0}
    verdict = decide(
        {
            "strategies": [
                {"id": content["beside"], "rung": "system_prompt", **counts},
                {"id": "decider", "rung": "decision_model", **counts, "content": content},
            ],
            # The two strategies share alpha.
            "config": {"target": 0.01, "alpha": 2 * ALPHA, "content_margin": MARGIN},
        }
    )
    return verdict.as_dict()["rates"]["decider"]["content"]["state"]


def test_best_of_several_prompts_proves_no_false_loss():
    """Among equally good prompts, a loss above the margin is proved at most as often as alpha allows."""
    found = [beside(seed) for seed in range(SEEDS)]

    proved = sum(state(content) == "fail" for content in found)

    assert {content["compared"] for content in found} == {PROMPTS}
    assert sum(content["worse"] - content["better"] for content in found) > 3 * MARGIN * INPUTS * SEEDS
    assert proved <= ALPHA * SEEDS


def test_prompts_without_a_shared_input_share_no_alpha():
    """Only the prompts that could have been chosen count."""
    content = values_beside({1: 0.0, 2: 1.0}, {"a": {1: 0.0, 2: 0.5}, "b": {1: 0.5}, "c": {3: 0.0}})

    assert content == {"n": 2, "worse": 1, "better": 0, "beside": "a", "compared": 2}

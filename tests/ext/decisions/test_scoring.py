"""Options are scored by their tokens: the probabilities of the branches are multiplied along each path."""

import pytest

from schema_guard.ext.decisions.local import EMPTY_TEXTS, AskedBefore, decide

END = "<|im_end|>"


class Llama:
    """A server whose next token depends on the text and on the tokens before it. A token is a character."""

    def __init__(self, weights):
        self.weights = weights
        self.completions = []

    def answer(self, request):
        """Answer a request."""
        if request.path == "/apply-template":
            return {"prompt": request.body["messages"][-1]["content"]}
        if request.path == "/tokenize":
            text = request.body["content"].removesuffix(END)
            is_option = text != request.body["content"]
            return {"tokens": [*map(ord, text), *([0] if is_option else [])]}
        self.completions.append(request.body)
        children = [token for token, _ in request.body["logit_bias"]]
        weights = self.weights(children)
        listed = [
            {"id": token, "prob": one / sum(weights)} for token, one in zip(children, weights, strict=True)
        ]
        return {"completion_probabilities": [{"top_probs": listed}], "timings": {"cache_n": 2}}

    def run(self, prompt, questions, asked=None, *, divide=False):
        """Return the reply to some questions."""
        flow, reply = decide(prompt, questions, asked or AskedBefore(), divide=divide), None
        try:
            while True:
                reply = self.answer(flow.send(reply))
        except StopIteration as end:
            return end.value


def choice(*labels):
    """Ask for one of some labels."""
    return {
        "name": "q0",
        "type": "choice",
        "instructions": "?",
        "choices": [{"value": one} for one in labels],
    }


def probabilities(reply):
    """Return the probabilities of the first answer."""
    return {one["value"]: one["probability"] for one in reply["answers"][0]["probabilities"]}


def test_probabilities_are_products_along_the_path():
    """`ab` and `ac` share a token, so their branch has a request of its own."""
    llama = Llama(lambda children: [3, 1] if len(children) == 2 else [1] * len(children))

    found = probabilities(llama.run("text", [choice("ab", "ac", "d")]))

    assert found == pytest.approx({"ab": 0.75 * 0.75, "ac": 0.75 * 0.25, "d": 0.25})
    assert len(llama.completions) == 2


def test_option_may_begin_another():
    """The end is a token too, so `a` and `ab` differ."""
    llama = Llama(lambda children: [1, 3])

    assert probabilities(llama.run("text", [choice("a", "ab")])) == pytest.approx({"a": 0.25, "ab": 0.75})


def test_only_the_children_can_be_drawn():
    """A request biases its children, and wants as many probabilities."""
    llama = Llama(lambda children: [1] * len(children))
    reply = llama.run("text", [choice("x", "y"), {"name": "q1", "type": "predicate", "instructions": "?"}])

    (first, second) = llama.completions
    assert [token for token, _ in first["logit_bias"]] == [ord("x"), ord("y")]
    assert (first["n_probs"], first["n_predict"], first["post_sampling_probs"]) == (2, 1, True)
    assert [token for token, _ in second["logit_bias"]] == [ord("n"), ord("y")]
    assert [answer["name"] for answer in reply["answers"]] == ["q0", "q1"]
    assert reply["usage"]["input_tokens_details"] == {"cached_tokens": 4}


def test_division_removes_the_bias_of_an_empty_text():
    """A model that says the same without a text gives every option the same probability."""
    llama = Llama(lambda children: [9, 1])
    asked = AskedBefore()

    found = probabilities(llama.run("text", [choice("x", "y")], asked, divide=True))
    assert found == pytest.approx({"x": 0.5, "y": 0.5})
    assert len(llama.completions) == 1 + len(EMPTY_TEXTS)

    llama.run("another", [choice("x", "y")], asked, divide=True)
    assert len(llama.completions) == 2 + len(EMPTY_TEXTS)

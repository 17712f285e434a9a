"""The dspy package, over its own engine."""

import os

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, WRONG, Sdk

SDK = Sdk("dspy")
SDKS = [SDK]


def module():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise litellm downloads a list of prices
    import dspy

    return dspy


def model(url, **more):
    return module().LM(
        f"openai/{MODEL}", api_base=f"{url}/v1", api_key="k", cache=False, num_retries=0, **more
    )


def signature():
    dspy = module()
    fields = {
        "prompt": (str, dspy.InputField()),
        "number": (str, dspy.OutputField()),
        "total": (float, dspy.OutputField()),
    }
    return dspy.Signature(fields, "Read an invoice.")


def configured(url, adapter="JSONAdapter", **more):
    """Return the context that `dspy.configure` would set for the process."""
    dspy = module()
    return dspy.context(lm=model(url), adapter=getattr(dspy, adapter)(), **more)


@SDK.case("`Predict()`", wrong=[WRONG, PROSE, CUT, BUSY])
def predict(url):
    predict = module().Predict(signature())

    def extract(prompt: str):
        with configured(url):
            return predict(prompt=prompt)

    return extract


@SDK.case("`Predict()`", "async", wrong=[WRONG])
def predict_async(url):
    predict = module().Predict(signature())

    async def extract(prompt: str):
        with configured(url):
            return await predict.acall(prompt=prompt)

    return extract


@SDK.case("`Predict()`, with `track_usage`")
def predict_counted(url):
    predict = module().Predict(signature())

    def extract(prompt: str):
        with configured(url, track_usage=True):
            return predict(prompt=prompt)

    return extract


@SDK.case("`lm(prompt)`", wrong=[WRONG, PROSE, CUT, BUSY])
def lm(url):
    lm = model(url)

    def extract(prompt: str):
        return lm(prompt)

    return extract


@SDK.case("`lm(prompt)`", "async", wrong=[WRONG])
def lm_async(url):
    lm = model(url)

    async def extract(prompt: str):
        return await lm.acall(prompt)

    return extract


@SDK.case("`lm(prompt)[0]`")
def lm_text(url):
    lm = model(url)

    def extract(prompt: str):
        return lm(prompt)[0]

    return extract


@SDK.case("`lm(prompt, logprobs=True)`")
def lm_logprobs(url):
    lm = model(url)

    def extract(prompt: str):
        return lm(prompt, logprobs=True)

    return extract

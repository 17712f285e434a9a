"""The litellm package, to a provider that speaks as OpenAI does and to Anthropic."""

import os

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, WRONG, Invoice, Sdk, turns

SDK = Sdk("litellm")
SDKS = [SDK]


def module():
    # Else it fetches a list of prices when it is imported.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def arguments(url, prompt):
    return {
        "model": f"openai/{MODEL}",
        "api_base": f"{url}/v1",
        "api_key": "k",
        "messages": turns(prompt),
        "max_retries": 0,
    }


@SDK.case("`completion()`, openai", wrong=[WRONG, CUT, BUSY])
def completion(url):
    litellm = module()

    def extract(prompt: str):
        return litellm.completion(**arguments(url, prompt), response_format=Invoice)

    return extract


@SDK.case("`completion()`, openai", "async")
def acompletion(url):
    litellm = module()

    async def extract(prompt: str):
        return await litellm.acompletion(**arguments(url, prompt), response_format=Invoice)

    return extract


@SDK.case("`completion()`, openai", "streamed")
def completion_streamed(url):
    litellm = module()

    def extract(prompt: str):
        return litellm.completion(
            **arguments(url, prompt), stream=True, stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`completion()`, openai", "async streamed")
def acompletion_streamed(url):
    litellm = module()

    async def extract(prompt: str):
        return await litellm.acompletion(
            **arguments(url, prompt), stream=True, stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`completion()`, anthropic")
def anthropic(url):
    litellm = module()

    def extract(prompt: str):
        return litellm.completion(
            model=f"anthropic/{MODEL}", api_base=url, api_key="k", messages=turns(prompt), max_tokens=1024
        )

    return extract


@SDK.case("`completion()`, anthropic", "async")
def anthropic_async(url):
    litellm = module()

    async def extract(prompt: str):
        return await litellm.acompletion(
            model=f"anthropic/{MODEL}", api_base=url, api_key="k", messages=turns(prompt), max_tokens=1024
        )

    return extract


@SDK.case("`completion()`, anthropic", "streamed")
def anthropic_streamed(url):
    litellm = module()

    def extract(prompt: str):
        return litellm.completion(
            model=f"anthropic/{MODEL}",
            api_base=url,
            api_key="k",
            messages=turns(prompt),
            max_tokens=1024,
            stream=True,
            stream_options={"include_usage": True},
        )

    return extract


@SDK.case("`completion()`, anthropic", "async streamed")
def anthropic_async_streamed(url):
    litellm = module()

    async def extract(prompt: str):
        return await litellm.acompletion(
            model=f"anthropic/{MODEL}",
            api_base=url,
            api_key="k",
            messages=turns(prompt),
            max_tokens=1024,
            stream=True,
            stream_options={"include_usage": True},
        )

    return extract


@SDK.case("`responses()`, openai")
def responses(url):
    litellm = module()

    def extract(prompt: str):
        return litellm.responses(
            model=f"openai/{MODEL}", api_base=f"{url}/v1", api_key="k", input=prompt, text_format=Invoice
        )

    return extract

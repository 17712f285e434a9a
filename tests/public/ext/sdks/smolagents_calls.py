"""The smolagents package: its models and its agents, over the client of openai."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, REFUSED, WRONG, Sdk, turns

SDK = Sdk("smolagents")

SDKS = [SDK]


def model(url):
    from smolagents import OpenAIModel

    return OpenAIModel(
        MODEL, api_base=f"{url}/v1", api_key="k", client_kwargs={"max_retries": 0}, retry=False
    )


@SDK.case("`OpenAIModel()`", wrong=[WRONG, PROSE, CUT, REFUSED, BUSY])
def call(url):
    ask = model(url)

    def extract(prompt: str):
        return ask(turns(prompt))

    return extract


@SDK.case("`OpenAIModel().content`")
def content(url):
    ask = model(url)

    def extract(prompt: str):
        return ask(turns(prompt)).content

    return extract


@SDK.case("`OpenAIModel().generate_stream()`", "streamed", wrong=[WRONG, CUT])
def streamed(url):
    ask = model(url)

    def extract(prompt: str):
        yield from ask.generate_stream(turns(prompt))

    return extract

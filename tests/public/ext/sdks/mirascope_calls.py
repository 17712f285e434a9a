"""The mirascope package: its responses of version 1 and of version 2, over the client of openai."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, WRONG, Invoice, Sdk

SDK = Sdk("mirascope")
SDKS = [SDK]


def llm(url):
    from mirascope import llm

    llm.register_provider("openai", scope="openai/", api_key="k", base_url=f"{url}/v1")
    return llm


def call_of(url, **more):
    return llm(url).call(f"openai/{MODEL}:completions", **more)


@SDK.case("`@llm.call`", wrong=[WRONG, PROSE, CUT, BUSY])
def call(url):
    @call_of(url)
    def extract(prompt: str):
        return prompt

    return extract


@SDK.case("`@llm.call`", "async", wrong=[WRONG])
def call_async(url):
    @call_of(url)
    async def extract(prompt: str):
        return prompt

    return extract


@SDK.case("`@llm.call(format=Invoice)`", wrong=[WRONG, PROSE, CUT])
def call_format(url):
    @call_of(url, format=Invoice)
    def extract(prompt: str):
        return prompt

    return extract


@SDK.case("`@llm.call(format=Invoice)`, `parse()`", wrong=[WRONG, PROSE, CUT, BUSY])
def call_parsed(url):
    @call_of(url, format=Invoice)
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        return ask(prompt).parse()

    return extract


@SDK.case("`@llm.call`, `stream()`", "streamed", wrong=[WRONG, CUT])
def call_streamed(url):
    @call_of(url)
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        return ask.stream(prompt)

    return extract


@SDK.case("`@llm.call`, `chunk_stream()`", "streamed", wrong=[WRONG, CUT])
def call_chunks(url):
    @call_of(url)
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        yield from ask.stream(prompt).chunk_stream()

    return extract


@SDK.case("`@llm.call`, `text_stream()`", "streamed")
def call_texts(url):
    @call_of(url)
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        yield from ask.stream(prompt).text_stream()

    return extract

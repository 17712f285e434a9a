"""Providers that are called without their SDKs: httpx and requests, to OpenAI's Chat Completions."""

from tests.public.ext.sdks.case import BUSY, MODEL, PAGE, WRONG, Sdk, turns

HTTPX = Sdk("httpx")
REQUESTS = Sdk("requests")
SDKS = [HTTPX, REQUESTS]


def body(prompt):
    return {"model": MODEL, "messages": turns(prompt)}


@HTTPX.case("`post()`", wrong=[WRONG, BUSY, PAGE])
def post(url):
    import httpx

    def extract(prompt: str):
        return httpx.post(f"{url}/v1/chat/completions", json=body(prompt))

    return extract


@HTTPX.case("`post()`", "async")
def post_async(url):
    import httpx

    async def extract(prompt: str):
        async with httpx.AsyncClient() as client:
            return await client.post(f"{url}/v1/chat/completions", json=body(prompt))

    return extract


@HTTPX.case("`post().json()`", wrong=[WRONG, PAGE])
def json(url):
    import httpx

    def extract(prompt: str):
        return httpx.post(f"{url}/v1/chat/completions", json=body(prompt)).json()

    return extract


@HTTPX.case("`post().raise_for_status().json()`", wrong=[BUSY])
def raise_for_status(url):
    import httpx

    def extract(prompt: str):
        response = httpx.post(f"{url}/v1/chat/completions", json=body(prompt))
        return response.raise_for_status().json()

    return extract


@HTTPX.case("the content of `post().json()`", wrong=[WRONG])
def content(url):
    import httpx

    def extract(prompt: str):
        response = httpx.post(f"{url}/v1/chat/completions", json=body(prompt))
        return response.json()["choices"][0]["message"]["content"]

    return extract


@REQUESTS.case("`post()`", wrong=[WRONG, PAGE])
def requests_post(url):
    import requests

    def extract(prompt: str):
        return requests.post(f"{url}/v1/chat/completions", json=body(prompt), timeout=60)

    return extract


@REQUESTS.case("`post().json()`", wrong=[WRONG, PAGE])
def requests_json(url):
    import requests

    def extract(prompt: str):
        return requests.post(f"{url}/v1/chat/completions", json=body(prompt), timeout=60).json()

    return extract

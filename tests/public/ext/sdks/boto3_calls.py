"""The boto3 package: Converse of Amazon Bedrock."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, REFUSED, WRONG, Sdk
from tests.public.ext.sdks.servers import serve_bedrock

SDK = Sdk("boto3", serve_bedrock)
SDKS = [SDK]


def client_of(url):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="k",
        aws_secret_access_key="s",  # noqa: S106 - for a server on loopback
        config=Config(retries={"total_max_attempts": 1}),
    )


def said(prompt):
    return [{"role": "user", "content": [{"text": prompt}]}]


@SDK.case("`converse()`", wrong=[WRONG, CUT, REFUSED, BUSY])
def converse(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.converse(modelId=MODEL, messages=said(prompt))

    return extract


@SDK.case("`converse()`, its text")
def text(url):
    client = client_of(url)

    def extract(prompt: str):
        response = client.converse(modelId=MODEL, messages=said(prompt))
        return response["output"]["message"]["content"][0]["text"]

    return extract


@SDK.case("`converse_stream()`, its events", "streamed")
def converse_stream(url):
    client = client_of(url)

    def extract(prompt: str):
        yield from client.converse_stream(modelId=MODEL, messages=said(prompt))["stream"]

    return extract


@SDK.case("`converse_stream()`, its whole answer", "streamed")
def converse_stream_response(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.converse_stream(modelId=MODEL, messages=said(prompt))

    return extract

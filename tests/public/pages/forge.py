"""A loopback server with the comments of one pull request, as GitHub's and GitLab's APIs serve them."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIST = re.compile(r"/repos/shop/app/issues/7/comments|/projects/42/merge_requests/7/notes")
ONE = re.compile(r"(?:/repos/shop/app/issues/comments|/projects/42/merge_requests/7/notes)/(?P<id>\d+)")


class Handler(BaseHTTPRequestHandler):
    """Keeps comments, and answers 401 without the token."""

    def answer(self, status, document=None):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def handle_one(self):
        forge = self.server.forge
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        path, _, query = self.path.partition("?")
        forge.requests.append((self.command, path))
        if forge.token not in (self.headers["Authorization"], self.headers["PRIVATE-TOKEN"]):
            self.answer(401, {"message": "Bad credentials"})
        elif self.command == "GET" and LIST.fullmatch(path):
            page = int(re.search(r"&page=(\d+)", query)[1])
            rows = [{"id": number, "body": body} for number, body in forge.comments.items()]
            self.answer(200, rows[100 * (page - 1) : 100 * page])
        elif self.command == "POST" and LIST.fullmatch(path):
            forge.comments[1000 + len(forge.comments)] = json.loads(text)["body"]
            self.answer(201)
        elif self.command in ("PATCH", "PUT") and ONE.fullmatch(path):
            forge.comments[int(ONE.fullmatch(path)["id"])] = json.loads(text)["body"]
            self.answer(200)
        else:
            self.answer(404)

    do_GET = do_POST = do_PATCH = do_PUT = handle_one  # noqa: N815 - the names of http.server

    def log_message(self, *arguments):
        """Print nothing."""


class Forge:
    """The state of the server.

    Attributes:
        comments: Number -> body.
        requests: Method and path of each request.
        token: The right value of the header with the token.
        url: The address of the API.
    """

    def __init__(self, url, token):
        self.comments, self.requests, self.token, self.url = {}, [], token, url

    def environment_of(self, service, token):
        """Return the variables that a job of GitHub or GitLab has."""
        if service == "github":
            return {
                "GITHUB_ACTIONS": "true", "GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": "shop/app",
                "GITHUB_REF": "refs/pull/7/merge", "GITHUB_TOKEN": token,
            }  # fmt: skip
        return {
            "GITLAB_CI": "true", "CI_API_V4_URL": self.url, "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7",
            "GITLAB_TOKEN": token,
        }  # fmt: skip


@contextmanager
def serve_forge(token):
    """Serve an empty list of comments."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.forge = Forge(f"http://127.0.0.1:{server.server_port}", token)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A loopback server that echoes the key of a request, or redirects the request."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener(ThreadingHTTPServer):
    """A server that stores the headers of each request, and refuses it in words that hold the key, or redirects it."""

    def __init__(self, leads_to=None, *, echoes_in_header=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.came, self.leads_to, self.echoes_in_header = [], leads_to, echoes_in_header
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer()

    def answer(self):
        self.server.came.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.leads_to is not None:
            self.send_response(307)
            self.send_header("Location", f"{self.server.leads_to}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = json.dumps({"error": {"message": f"bad key: {dict(self.headers)}", "code": 401}}).encode()
        self.send_response(401)
        if self.server.echoes_in_header:
            self.send_header("X-Echo", str(dict(self.headers)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass

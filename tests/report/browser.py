"""What a browser makes of a page: how wide it is, what it fetched and ran, and every text and element in it."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

# In the frame a dialog is refused, for it would wait for ever.
_FRAME = """<!doctype html><title>frame</title>
<iframe id="page" sandbox="allow-same-origin allow-scripts" src="/page.html" width="{width}" height="900" style="border: 0"></iframe>
<pre id="told"></pre>
<script>
const texts = (root) => {{
  const walker = root.ownerDocument.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) found.push(walker.currentNode.data);
  return found;
}};
const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const overlaps = (svg) => {{
  const labels = [...svg.querySelectorAll("text")].filter((label) => label.textContent.trim());
  const boxes = labels.map((label) => label.getBoundingClientRect());
  const edge = svg.getBoundingClientRect().right;
  const found = labels.filter((label, one) => boxes[one].right > edge + 1).map((label) => [label.textContent, "edge"]);
  boxes.forEach((box, one) => boxes.slice(0, one).forEach((other, two) => {{
    if (over(box, other)) found.push([labels[one].textContent, labels[two].textContent]);
  }}));
  return found;
}};
document.getElementById("page").onload = (event) => {{
  const inside = event.target.contentWindow, root = inside.document.documentElement;
  setTimeout(() => {{
    document.getElementById("told").textContent = JSON.stringify({{
      width: root.clientWidth,
      content: root.scrollWidth,
      fetched: inside.performance.getEntriesByType("resource").map((entry) => entry.name),
      called: window.called || 0,
      texts: texts(root),
      links: [...root.querySelectorAll("a")].map((one) => one.getAttribute("href")),
      tags: [...new Set([...root.querySelectorAll("*")].map((one) => one.localName))].sort(),
      overlaps: [...root.querySelectorAll("svg")].flatMap(overlaps),
    }});
  }}, 300);
}};
</script>"""


@dataclass(frozen=True)
class Seen:
    """What was seen: sizes in pixels, texts as they stand in the document.

    `called` counts what a page ran of `parent.called`; `asked` has the paths that the server was asked for.
    """

    width: int
    content: int
    fetched: list
    called: int
    texts: list
    links: list
    tags: list
    overlaps: list
    asked: set


def seen_by_chromium(source, width, folder):
    """Say what a browser makes of a page in a frame of this width."""
    pages = {"/": _FRAME.format(width=width), "/page.html": source}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, running(server):
        result = dumped(f"http://127.0.0.1:{server.server_port}/", folder)
    text = re.search(r'<pre id="told">(.*?)</pre>', result, re.DOTALL)[1]
    return Seen(**json.loads(unescape(text)), asked=set(asked) - {"/favicon.ico"})


def dumped(url, folder, *, after_ms=2_000):
    """Give the document of an address as it stands after a time."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
        "--disable-background-networking", f"--user-data-dir={folder}", f"--virtual-time-budget={after_ms}", "--dump-dom",
        url,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@contextmanager
def running(server):
    """Let a server answer until the end of the block."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()

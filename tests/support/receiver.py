"""A receiver of webhooks as a process: sends the first ones elsewhere, then takes them; keeps each as a line of JSON.

python -m tests.support.receiver FILE PORT REFUSALS
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Receiving(BaseHTTPRequestHandler):
    file: Path
    refusals: int
    seen = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cls = type(self)
        cls.seen += 1
        status = 302 if cls.seen <= cls.refusals else 204
        line = {"status": status, "headers": dict(self.headers), "body": body.decode(), "path": self.path}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.send_response(status)
        if status != 204:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def main(file: str, port: str, refusals: str) -> None:
    Receiving.file, Receiving.refusals = Path(file), int(refusals)
    HTTPServer(("127.0.0.1", int(port)), Receiving).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A Canvas on this machine's loopback: the few addresses that pushing marks asks for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "7~secret"


@dataclass
class FakeCanvas:
    """One course, with what was sent to it."""

    url: str = ""
    assignments: list[dict[str, object]] = field(
        default_factory=lambda: [
            {"id": 12, "name": "Assignment 2", "course_id": 1, "points_possible": 8.0},
            {"id": 13, "name": "Final project", "course_id": 1, "points_possible": 8.0},
        ]
    )
    users: list[dict[str, object]] = field(
        default_factory=lambda: [
            {"id": 501, "name": "Alice Example", "sortable_name": "Example, Alice", "login_id": "alice"},
            {"id": 502, "name": "Bob Sample", "sortable_name": "Sample, Bob", "sis_user_id": "0013"},
        ]
    )
    states: list[str] = field(default_factory=lambda: ["queued", "running", "completed"])
    """What the progress says, one after the other."""
    grades: dict[str, str] = field(default_factory=dict)
    """Marks that arrived, by the user's number."""
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: str) -> tuple[int, object]:
        """Status and JSON."""
        if method == "GET" and path == "/api/v1/courses/1":
            return 200, {"id": 1, "name": "Neural networks"}
        if method == "GET" and path == "/api/v1/courses/1/assignments":
            return 200, self.assignments
        if method == "GET" and path == "/api/v1/courses/1/search_users":
            assert query["enrollment_type[]"] == ["student"]
            page = int(query.get("page", ["1"])[0])
            return 200, self.users[page - 1 : page]
        if method == "POST" and path == "/api/v1/courses/1/assignments/12/submissions/update_grades":
            for name, (grade,) in parse_qs(body, strict_parsing=True).items():
                match = re.fullmatch(r"grade_data\[(\d+)\]\[posted_grade\]", name)
                assert match, name
                self.grades[match[1]] = grade
            return 200, {"id": 9, "workflow_state": self.states.pop(0)}
        if method == "GET" and path == "/api/v1/progress/9":
            return 200, {"id": 9, "workflow_state": self.states.pop(0)}
        return 404, {"errors": [{"message": "not found"}]}


@contextmanager
def serving(canvas: FakeCanvas) -> Iterator[FakeCanvas]:
    """The Canvas, under an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            canvas.requests.append(f"{method} {address.path}")
            query = parse_qs(address.query)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, {"errors": [{"message": "Invalid access token."}]}
            else:
                status, answer = canvas.answer(method, address.path, query, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Bearer realm="canvas-lms"')
            if address.path.endswith("/search_users") and status == 200:
                page = int(query.get("page", ["1"])[0])
                if page < len(canvas.users):  # one user a page
                    following = f"{canvas.url}{address.path}?page={page + 1}&enrollment_type[]=student"
                    self.send_header("Link", f'<{following}>; rel="next"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canvas.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield canvas
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

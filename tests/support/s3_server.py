"""An S3 endpoint on loopback: as much of its REST protocol as the blob store's client speaks.

Path style, without signatures being checked. PUT (with `If-None-Match: *`), GET, HEAD, DELETE, the batch delete, and
ListObjectsV2, in pages of three so that a client which reads only the first is found out.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 3
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass
class Bucket:
    """What the endpoint holds, and how it misbehaves.

    `refuse` answers everything with that status; `lose` so many answers to PUT after the object is written;
    `overwrites`: it ignores `If-None-Match`, as some stores that call themselves compatible do.
    """

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    refuse: int | None = None
    lose: int = 0
    overwrites: bool = False
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    def environ(self) -> dict[str, str]:
        """The variables by which the client finds it; the store's own, none of ours."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret-value",
            "AWS_REGION": "us-east-1",
        }

    def age(self, days: float) -> None:
        """Have everything been put so long ago."""
        with self.lock:
            past = datetime.now(UTC) - timedelta(days=days)
            self.objects = {name: (data, past) for name, (data, _) in self.objects.items()}


@contextmanager
def s3_server() -> Iterator[Bucket]:
    """Serve one bucket, whatever its name, until the end."""
    bucket = Bucket()

    class Handler(_Handler):
        held = bucket

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bucket.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: Bucket

    def do_PUT(self) -> None:
        data, name = self._body(), self._name()
        if self._refused("PUT"):
            return
        with self.held.lock:
            if self.headers.get("If-None-Match") == "*" and name in self.held.objects and not self.held.overwrites:
                self._fail(412, "PreconditionFailed")
                return
            self.held.objects[name] = (data, datetime.now(UTC))
            lost = self.held.lose > 0
            self.held.lose -= 1 if lost else 0
        if lost:
            self._fail(503, "SlowDown")
        else:
            self._answer(200, headers={"ETag": _etag(data)})

    def do_GET(self) -> None:
        if self._refused("GET"):
            return
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query)
        else:
            self._give(with_body=True)

    def do_HEAD(self) -> None:
        if not self._refused("HEAD"):
            self._give(with_body=False)

    def do_DELETE(self) -> None:
        if not self._refused("DELETE"):
            with self.held.lock:
                self.held.objects.pop(self._name(), None)
            self._answer(204)

    def do_POST(self) -> None:
        body = self._body()
        if self._refused("POST"):
            return
        tree = ET.fromstring(body)  # noqa: S314 - our own client wrote it
        keys = [(node.text or "") for node in tree.iter() if node.tag.removeprefix(NAMESPACE) == "Key"]
        with self.held.lock:
            for key in keys:
                self.held.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _list(self, query: dict[str, list[str]]) -> None:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        with self.held.lock:
            names = sorted(name for name in self.held.objects if name.startswith(prefix) and name > after)
            page = [(name, *self.held.objects[name]) for name in names[:PAGE]]
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size><ETag>{escape(_etag(data))}</ETag>"
            f"<LastModified>{at.isoformat()}</LastModified></Contents>"
            for name, data, at in page
        )
        more = len(names) > PAGE
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        head = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{token}"
        self._answer(200, f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode())

    def _give(self, *, with_body: bool) -> None:
        with self.held.lock:
            found = self.held.objects.get(self._name())
        if found is None:
            self._fail(404, "NoSuchKey")
            return
        data, at = found
        headers = {"ETag": _etag(data), "Last-Modified": format_datetime(at, usegmt=True)}
        self._answer(200, data, headers, with_body=with_body)

    def _refused(self, verb: str) -> bool:
        self.held.requests.append(f"{verb} {self._name()}")
        if self.held.refuse is None:
            return False
        self._fail(self.held.refuse, "AccessDenied")
        return True

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/").partition("/")[2]

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _fail(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: tests look at `requests`."""


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'

"""What every request passes first: rate, size, and the headers that tell browsers to be strict."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headstart.board.server.errors import BoardError
from headstart.board.server.metrics import Counters
from headstart.board.server.settings import Settings

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_ADDRESS_FACTOR = 10  # many people may share an address
_REMEMBERED = 20_000


class Buckets:
    """Token buckets by key; those not used for longest are forgotten.

    Args:
        rate: Requests per second.
        burst: Requests at once.
        clock: Seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, key: str) -> float:
        """Take one; 0 if there was one, else the seconds until there is."""
        now = self._clock()
        with self._lock:
            level, since = self._levels.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - since) * self._rate)
            allowed = level >= 1.0
            self._levels[key] = (level - 1.0 if allowed else level, now)
            if len(self._levels) > _REMEMBERED:
                self._levels.popitem(last=False)
        return 0.0 if allowed else (1.0 - level) / self._rate


class Guard:
    """The outermost layer of the server.

    Args:
        app: What it guards.
        settings: The rates and sizes.
        counters: Told of every answer.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, counters: Counters) -> None:
        self._app, self._counters = app, counters
        self._tokens = Buckets(settings.requests_per_second, settings.burst)
        self._addresses = Buckets(settings.requests_per_second * _ADDRESS_FACTOR, settings.burst * _ADDRESS_FACTOR)
        self._body = settings.max_body_kib * 1024
        self._file = settings.max_file_mib * 1024 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before anybody looks at it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the answer to GET without its body, as monitors ask for it
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit = self._file if _is_file(scope) else self._body
        started, sent = time.perf_counter(), False

        async def answer(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                sent = True
                self._counters.answered(scope["method"], message["status"], time.perf_counter() - started)
                own = {name.encode(): value.encode() for name, value in HEADERS.items()}
                if scope["path"].startswith("/v1/"):
                    own[b"cache-control"] = b"no-store"
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message["headers"] = [*kept, *own.items()]
            await send(message)

        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                error = _too_large(limit)
                raise HTTPException(413, error.message)  # the one kind that whoever reads a body lets through
            return message

        try:
            self._check_rate(scope, headers.get(b"authorization"))
            length = headers.get(b"content-length", b"0")
            if not length.isdigit() or int(length) > limit:
                raise _too_large(limit)
            await self._app(scope, bounded, answer)
        except BoardError as error:
            if sent:
                raise
            await _refuse(answer, error)

    def _check_rate(self, scope: Scope, authorization: bytes | None) -> None:
        address = scope["client"][0] if scope.get("client") else "unknown"
        wait = self._addresses.wait(address)
        key = hashlib.sha256(authorization).hexdigest() if authorization else address
        wait = max(wait, self._tokens.wait(key))
        if wait > 0:
            raise BoardError(
                "too many requests; wait and try again", status=429, code="too_many_requests", retry_after=int(wait) + 1
            )


def _without_body(send: Send) -> Send:
    ended = False

    async def answer(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b""})

    return answer


def _is_file(scope: Scope) -> bool:
    return scope["method"] == "PUT" and scope["path"].startswith("/v1/worker/jobs/")


def _too_large(limit: int) -> BoardError:
    return BoardError(f"the request must be at most {limit} bytes long", status=413, code="too_large")


async def _refuse(send: Send, error: BoardError) -> None:
    body = json.dumps(error.document()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

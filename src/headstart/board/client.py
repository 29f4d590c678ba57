"""Talking to a board over HTTP: the commands for teams, and the workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from headstart.errors import HeadstartError, InputError

if TYPE_CHECKING:
    import httpx

URL_VARIABLE = "HEADSTART_BOARD_URL"
TOKEN_VARIABLE = "HEADSTART_BOARD_TOKEN"

_TRIES = 6
_AGAIN = (429, 502, 503, 504)


class RefusedError(HeadstartError):
    """The board refused a request.

    Args:
        message: In the board's words.
        status: HTTP status; None when the board could not be reached.
        code: The board's word for it.
    """

    def __init__(self, message: str, *, status: int | None, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        # What the caller can mend is bad input; a board that does not answer is work that was not done.
        self.exit_status = 2 if status is not None and status < 500 else 3


class BoardClient:
    """A board, as one token sees it.

    Args:
        url: Of the board; https, unless it is on this machine.
        token: Goes into a header of every request; None for what is public.
        insecure: Whether the token may travel over http to another machine, where something else protects it.
        timeout: Seconds for one request.
        tries: How often a request is made that fails for a reason that may pass.

    Raises:
        InputError: If the address is not one, or would show the token to whoever listens.
    """

    def __init__(
        self, url: str, *, token: str | None = None, insecure: bool = False, timeout: float = 30.0, tries: int = _TRIES
    ) -> None:
        import httpx

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError(f"url must be the http(s) address of a board, got {url!r}", field="--url")
        if parts.scheme == "http" and token and not insecure and not _is_here(parts.hostname):
            raise InputError(
                "url must start with https://, since the token would be readable on its way; --insecure sends it "
                "all the same",
                field="--url",
            )
        self.url = url.rstrip("/")
        self._tries = tries
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, follow_redirects=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Make a request, and again while the board says that the same may succeed later.

        Only requests that bear being made twice are to be made with it: all of this package's are.

        Raises:
            RefusedError: If the board refuses it, or cannot be reached.
        """
        import httpx

        wait = 0.5
        for tried in range(1, self._tries + 1):
            try:
                answer = self._http.request(method, path, json=json, params=params, content=content, headers=headers)
            except httpx.HTTPError as error:
                if tried == self._tries:
                    message = f"{self.url} cannot be reached: {type(error).__name__} {error}".strip()
                    raise RefusedError(message, status=None, code="unreachable") from None
            else:
                used = answer.status_code == 429 and _code(answer) == "quota_used"  # waiting does not help
                if answer.status_code not in _AGAIN or used or tried == self._tries:
                    return _checked(answer)
                with suppress(ValueError):
                    wait = max(wait, min(float(answer.headers.get("retry-after", 0)), 30.0))
            time.sleep(wait)
            wait = min(wait * 2, 10.0)
        raise AssertionError

    def get(self, path: str, **params: Any) -> Any:
        """The JSON behind a path."""
        return self.request("GET", path, params=params or None).json()

    def post(self, path: str, body: object, *, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON; returns the JSON of the answer."""
        return self.request("POST", path, json=body, headers=headers).json()

    def download(self, path: str, target: Path) -> None:
        """Write what is behind a path to a file."""
        from headstart.io.atomic import write_bytes

        write_bytes(target, self.request("GET", path).content)

    def events(self, path: str, *, last: int = 0) -> Iterator[dict[str, Any]]:
        """Server-sent events of a path: the entries of the ledger, from behind the number ``last``.

        A stream that breaks is taken up again where it broke; ends when the board ends it.

        Raises:
            RefusedError: If the board refuses it, or stays unreachable.
        """
        import json as json_module

        import httpx

        failures = 0
        while True:
            try:
                headers = {"Last-Event-ID": str(last)} if last else {}
                with self._http.stream("GET", path, headers=headers) as answer:
                    if answer.status_code != 200:
                        answer.read()
                        _checked(answer)
                    for line in answer.iter_lines():
                        if line.startswith("data: "):
                            failures = 0
                            entry = cast("dict[str, Any]", json_module.loads(line[6:]))
                            last = int(entry["sequence"])
                            yield entry
                return
            except httpx.HTTPError as error:
                failures += 1
                if failures > self._tries:
                    raise RefusedError(
                        f"{self.url} cannot be reached: {error}", status=None, code="unreachable"
                    ) from None
                time.sleep(min(2.0**failures, 10.0))

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def board_url(given: str | None) -> str:
    """The address that was given, or the one in the environment.

    Raises:
        InputError: If there is none.
    """
    found = given or os.environ.get(URL_VARIABLE)
    if not found:
        raise InputError(f"--url or the variable {URL_VARIABLE} must name the board")
    return found


def board_token(file: Path | None) -> str | None:
    """The token in a file, or in the environment; None where there is none. No option takes it: others see options.

    Raises:
        InputError: If the file cannot be read or is empty.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(file)) from None
    if not token:
        raise InputError("is empty", file=str(file))
    return token


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    message = f"the board answered {answer.status_code}"
    with suppress(ValueError, KeyError, TypeError):
        message = str(answer.json()["error"]["message"])
    raise RefusedError(message, status=answer.status_code, code=_code(answer))


def _code(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["error"]["code"])
    return "error"


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False

"""The application: routes, pages, one shape for all errors, and what every request passes first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

import headstart
from headstart.board.server import pages, routes_admin, routes_public, routes_submissions, routes_worker
from headstart.board.server.context import Context
from headstart.board.server.errors import BoardError
from headstart.board.server.limits import Guard
from headstart.errors import HeadstartError

_LOG = logging.getLogger("headstart.board")
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {
            "application/json": {
                "example": {"error": {"code": "bad_request", "message": "what must hold, and what is", "field": None}}
            }
        },
    }
    for status, text in (
        (401, "no valid token"),
        (403, "the token's scope does not allow it"),
        (404, "no such thing, or not for this token"),
        (409, "contradicts what is there"),
        (413, "too large"),
        (422, "a value is not what it must be"),
        (429, "too many requests, or all attempts used"),
        (503, "the database does not answer; try again"),
    )
}


def create_app(board: Context) -> FastAPI:
    """The application of a board."""
    app = FastAPI(
        title="headstart board",
        version=headstart.__version__,
        description="Submissions to a ranking that is measured after equal tuning. Tokens go into the header "
        "`Authorization: Bearer TOKEN`. Every error has the shape `{error: {code, message, field}}`.",
        docs_url=None,  # these pages load code from elsewhere
        redoc_url=None,
        responses=_ERRORS,
    )
    app.state.board = board
    for router in (routes_public, routes_submissions, routes_worker, routes_admin, pages):
        app.include_router(router.router)
    app.add_exception_handler(BoardError, _board_error)
    app.add_exception_handler(HeadstartError, _headstart_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(Guard, settings=board.settings, counters=board.counters)
    return app


def _answer(request: Request, error: BoardError) -> Response:
    if pages.wants_page(request):
        return pages.error_page(request, error)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.document(), status_code=error.status, headers=headers)


async def _board_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BoardError)
    return _answer(request, error)


async def _headstart_error(request: Request, error: Exception) -> Response:
    return _answer(request, BoardError(str(error), status=422, code="bad_request"))


async def _invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong with the shape of a request; its content is not repeated."""
    assert isinstance(error, RequestValidationError)
    problem: Mapping[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query", "path", "header"))
    message = f"{place or 'the request'}: {problem['msg']}"
    return _answer(request, BoardError(message, status=422, code="bad_request", field=place or None))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "wrong_method", 413: "too_large"}.get(error.status_code, "error")
    return _answer(request, BoardError(str(error.detail), status=error.status_code, code=code))


async def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("unexpected error", exc_info=error)
    return _answer(request, BoardError("the server made a mistake; it is in its log", status=500, code="internal"))

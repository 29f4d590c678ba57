"""Pages for people: the built ranking, and forms for submitting, the queue and administration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

import headstart
from headstart.board.server import jobs, routes_admin, submissions, tables, tokens
from headstart.board.server.clock import iso
from headstart.board.server.context import COOKIE, Context, context_of
from headstart.board.server.errors import BoardError, not_found
from headstart.board.server.references import hub_reference, idempotency_key, registered_reference
from headstart.board.server.routes_public import exposure as exposure_route
from headstart.board.server.routes_public import queue as queue_route
from headstart.board.server.routes_submissions import may_see, owner_of
from headstart.board.server.schemas import seconds_of
from headstart.board.server.store import Transaction
from headstart.board.server.tokens import Caller
from headstart.board.site.pages import asset
from headstart.board.states import STATES
from headstart.report.templating import html_templates

router = APIRouter(include_in_schema=False)

SITE = "site"
_MAX_FIELDS = 20


def error_page(request: Request, error: BoardError) -> HTMLResponse:
    """An error for people."""
    return _page(request, "error.html", "Not done", status=error.status, error=error)


def wants_page(request: Request) -> bool:
    """Whether a request was made by a browser for a page."""
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


@router.get("/assets/board.css")
def style() -> Response:
    """The style of the built site, which is there before anything is built."""
    shared = files("headstart.report").joinpath("templates", "page.css").read_text(encoding="utf-8")
    return Response(shared + "\n" + asset("board.css") + "\n" + _own("server.css"), media_type="text/css")


@router.get("/queue")
def queue(request: Request) -> HTMLResponse:
    """What waits, who must act, and by when."""
    return _page(request, "queue.html", "Queue", **queue_route(request))


@router.get("/submit")
def submit_form(request: Request) -> HTMLResponse:
    """The form for submitting, or the one for the token first."""
    caller = _caller(request)
    if caller is None or caller.scope != "submit":
        return _page(request, "login.html", "Submit", then="/submit", caller=caller)
    board = context_of(request)
    with board.store.read() as connection:
        table = tables.model_ref
        registered = (
            connection.execute(select(table.c.source).where(table.c.kind == "registered").order_by(table.c.source))
            .scalars()
            .all()
        )
    exposure = exposure_route(request, caller.team)
    key = tables.new_id("f")
    return _page(
        request, "submit.html", "Submit", registered=registered, key=key, exposure=exposure, hub=board.settings.hub
    )


@router.post("/submit")
async def submit(request: Request) -> Response:
    """Submit from the form; the form's key makes a second click the same submission."""
    form, board = await _form(request), context_of(request)
    token = request.cookies.get(COOKIE)
    model = (
        registered_reference(form["registered"])
        if form.get("registered")
        else hub_reference(form.get("hub", "").strip(), form.get("commit", "").strip())
    )
    until = form.get("withhold_until", "").strip()
    asked = submissions.Request(
        name=form.get("name", "").strip(), model=model, withhold_until=seconds_of(until) if until else None
    )
    key = idempotency_key(form.get("key"))

    def change(write: Transaction) -> str:
        caller = tokens.caller_of(write.connection, token, now=write.now)
        caller.require("submit")
        row, _ = submissions.receive(
            write, asked, team_id=caller.team, person_id=caller.person_id, key=key, settings=board.settings
        )
        return row.id

    return RedirectResponse(f"/submissions/{await board.write(change)}", status_code=303)


@router.get("/submissions/{submission_id}")
def submission(request: Request, submission_id: str) -> HTMLResponse:
    """One submission: what has happened to it, and what comes next."""
    caller = _caller(request)
    with context_of(request).store.read() as connection:
        row = submissions.find(connection, submission_id)
        job = jobs.latest(connection, submission_id)
        entries = connection.execute(
            select(tables.ledger.c.entry, tables.ledger.c.hash)
            .where(tables.ledger.c.submission_id == submission_id)
            .order_by(tables.ledger.c.sequence)
        ).all()
    private = may_see(caller, row.team_id)
    import json

    return _page(
        request,
        "submission.html",
        f"Submission {row.number}",
        document=submissions.submission_document(row, private=private),
        team=row.team_name,
        model=f"{row.source} {row.commit}".strip() if private or row.state == "published" else None,
        job=job if private else None,
        mine=caller is not None and caller.scope == "submit" and caller.team_id == row.team_id,
        can_end=bool({"cancelled", "withdrawn"} & set(STATES[row.state].edges)),
        events=[(json.loads(entry), digest) for entry, digest in entries],
    )


@router.post("/submissions/{submission_id}/withdraw")
async def withdraw(request: Request, submission_id: str) -> Response:
    """Take a submission back from its page."""
    form, token = await _form(request), request.cookies.get(COOKIE)

    def change(write: Transaction) -> None:
        owner_of(write, token, submission_id)
        submissions.withdraw(write, submission_id, "team", reason=form.get("reason") or None)

    await context_of(request).write(change)
    return RedirectResponse(f"/submissions/{submission_id}", status_code=303)


@router.get("/login")
def login_form(request: Request) -> HTMLResponse:
    """The form for a token."""
    return _page(request, "login.html", "Token", then="/submit", caller=_caller(request))


@router.post("/login")
async def login(request: Request) -> Response:
    """Keep a token in a cookie that no script can read and no other site can send."""
    form, board = await _form(request), context_of(request)
    token = form.get("token", "").strip()

    def read() -> Caller:
        with board.store.read() as connection:
            return tokens.caller_of(connection, token, now=board.now)

    caller = await run_in_threadpool(read)
    answer = RedirectResponse("/admin" if caller.scope == "admin" else "/submit", status_code=303)
    answer.set_cookie(
        COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https", max_age=12 * 3600
    )
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Forget the token."""
    await _form(request)
    answer = RedirectResponse("/queue", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/admin")
def admin(request: Request) -> HTMLResponse:
    """What is going on, and the forms of administrators."""
    return _admin_page(request)


@router.post("/admin/teams")
async def add_team(request: Request) -> Response:
    """Add a team, with a token to submit with."""
    form = await _form(request)

    def change(write: Transaction) -> tuple[str, str]:
        team = routes_admin.make_team(write, form.get("name", "").strip())
        return tokens.make_token(write, "submit", team_id=team)

    token, _ = await _as_admin(request, change)
    return await run_in_threadpool(_admin_page, request, made=token)


@router.post("/admin/tokens")
async def add_token(request: Request) -> Response:
    """Make a token, and show it once."""
    form = await _form(request)

    def change(write: Transaction) -> tuple[str, str]:
        return tokens.make_token(write, form.get("scope", ""), team_id=form.get("team") or None)

    token, _ = await _as_admin(request, change)
    return await run_in_threadpool(_admin_page, request, made=token)


@router.post("/admin/stop")
async def stop(request: Request) -> Response:
    """Stop a submission, or take it out of the ranking."""
    form = await _form(request)

    def change(write: Transaction) -> str:
        reason = form.get("reason") or None
        return submissions.withdraw(write, form.get("submission", ""), "administrator", reason=reason).id

    return RedirectResponse(f"/submissions/{await _as_admin(request, change)}", status_code=303)


@router.get("/{path:path}")
def site(request: Request, path: str) -> Response:
    """The built ranking."""
    folder = (context_of(request).folder / SITE).resolve()
    wanted = (folder / (path or "index.html")).resolve()
    # Nothing outside the folder, whatever the path says, and nothing hidden in it.
    if wanted.is_relative_to(folder) and wanted.is_file() and not wanted.name.startswith("."):
        return FileResponse(wanted)
    if path in ("", "index.html"):
        return _page(request, "empty.html", "Ranking")
    raise not_found("there is no such page")


def _page(request: Request, template: str, title: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    board = context_of(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            **{
                "title": title,
                "board": board.settings.title,
                "here": request.url.path,
                "version": headstart.__version__,
                "now": iso(board.now),
                "duration": duration,
                "known": COOKIE in request.cookies,
                **values,
            }
        )
    )
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


def duration(seconds: float | None) -> str:
    """How long something takes, for people.

    >>> duration(42.0), duration(5400.0), duration(None)
    ('42 s', '90 min', 'not known')
    """
    if seconds is None:
        return "not known"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3 * 3600 else f"{seconds / 3600:.1f} h"


def _admin_page(request: Request, made: str | None = None) -> HTMLResponse:
    caller = _caller(request)
    if caller is None or caller.scope != "admin":
        return _page(request, "login.html", "Administration", then="/admin", caller=caller)
    board = context_of(request)
    with board.store.read() as connection:
        held = connection.execute(select(tables.cell_job).where(tables.cell_job.c.state == "leased")).all()
        teams = connection.execute(select(tables.team).order_by(tables.team.c.name)).all()
        protocols = connection.execute(select(tables.protocol).order_by(tables.protocol.c.created_at)).all()
        failed = connection.execute(
            select(tables.submission)
            .where(tables.submission.c.state.in_(("failed", "rejected")))
            .order_by(tables.submission.c.number.desc())
            .limit(20)
        ).all()
    return _page(
        request,
        "admin.html",
        "Administration",
        made=made,
        held=held,
        teams=teams,
        protocols=protocols,
        failed=failed,
        iso=iso,
        **queue_route(request),
    )


async def _as_admin(request: Request, change: Any) -> Any:
    token = request.cookies.get(COOKIE)

    def checked(write: Transaction) -> Any:
        tokens.caller_of(write.connection, token, now=write.now).require("admin")
        return change(write)

    return await context_of(request).write(checked)


def _caller(request: Request) -> Caller | None:
    board: Context = context_of(request)
    try:
        with board.store.read() as connection:
            return tokens.caller_of(connection, request.cookies.get(COOKIE), now=board.now)
    except BoardError as error:
        if error.status != 401:
            raise
        return None


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form that was sent from a page of this board.

    Raises:
        BoardError: 403 if it was sent from elsewhere.
    """
    origin, site_header = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    elsewhere = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if elsewhere or site_header not in (None, "same-origin", "none"):
        raise BoardError("the form must be sent from a page of this board", status=403, code="forbidden")
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise BoardError("the form cannot be read", status=422, code="bad_request") from None


def _own(name: str) -> str:
    return files(__package__ or "").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    return html_templates("headstart.board.server")

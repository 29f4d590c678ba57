"""Commands of those who submit to a board, and of whoever checks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli.common import JsonOut, check_outputs, tell
from headstart.cli.completion import EXPORTS, complete_export, complete_scope
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.board.client import BoardClient

Url = Annotated[str | None, typer.Option(help="Address of the board; by default the variable HEADSTART_BOARD_URL.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with the token; by default the variable HEADSTART_BOARD_TOKEN."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Send the token over http to another machine all the same.")]
SubmissionId = Annotated[str, typer.Argument(metavar="SUBMISSION", help="Id of a submission, such as s-0123...")]


def submit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name in the ranking.")],
    hub: Annotated[str | None, typer.Option(metavar="OWNER/NAME", help="Model of the hub.")] = None,
    commit: Annotated[str | None, typer.Option(help="Its commit, 40 hexadecimal digits.")] = None,
    registered: Annotated[str | None, typer.Option(help="Or a model that the administrator registered.")] = None,
    withhold_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Date before which the result is not published.")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Id of the protocol, where several are open.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Names this submission: the same key again is the same one. By default made of the rest."),
    ] = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="Stay, and say what happens to it.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    insecure: Insecure = False,
    json: JsonOut = None,
) -> None:
    """Submit a model to a board; what was answered is on its disk.

    Example: `headstart board submit my-model --hub owner/name --commit 0123456789abcdef0123456789abcdef01234567`

    Example: `headstart board submit baseline --registered drop-3 --url http://127.0.0.1:8000 --watch`
    """
    import hashlib
    from json import dumps

    check_outputs(json=json)
    if (hub is None) == (registered is None):
        raise InputError("either --hub with --commit or --registered must be given")
    model = {"registered": registered} if registered is not None else {"hub": hub, "commit": commit or ""}
    body: dict[str, Any] = {"name": name, "model": model}
    for field, value in (("withhold_until", withhold_until), ("protocol", protocol)):
        if value is not None:
            body[field] = value
    made = hashlib.sha256(dumps(body, sort_keys=True).encode()).hexdigest()[:32]
    with _client(url, token_file, insecure) as client:
        answer = client.request("POST", "/v1/submissions", json=body, headers={"Idempotency-Key": key or made})
        document = answer.json()
        if answer.headers.get("idempotent-replay") == "true":
            tell("this was submitted before; --key with another key submits it anew")
        _show(document, json)
        if watch_it:
            _watch(client, document["id"])


def status(
    submission: Annotated[
        str | None, typer.Argument(metavar="[SUBMISSION]", help="Id of one; by default all of the team.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    insecure: Insecure = False,
    json: JsonOut = None,
) -> None:
    """Say where submissions are, who must act next, and by when.

    Example: `headstart board status`

    Example: `headstart board status s-0123456789abcdef0123 --json -`
    """
    check_outputs(json=json)
    with _client(url, token_file, insecure) as client:
        if submission is not None:
            _show(client.get(f"/v1/submissions/{_id(submission)}"), json)
            return
        found: list[dict[str, Any]] = []
        while True:
            page = client.get("/v1/submissions", after=found[-1]["number"] if found else 0)["submissions"]
            found += page
            if not page:
                break
    if json is not None:
        _write(json, {"submissions": found})
        return
    for one in found:
        _show(one, None)
    if not found:
        tell("no submissions yet")


def watch(
    submission: SubmissionId,
    url: Url = None,
    token_file: TokenFile = None,
    insecure: Insecure = False,
) -> None:
    """Say what happens to a submission, until it has ended.

    Example: `headstart board watch s-0123456789abcdef0123`
    """
    with _client(url, token_file, insecure) as client:
        _watch(client, _id(submission))


def withdraw(
    submission: SubmissionId,
    reason: Annotated[str | None, typer.Option(help="Shown with the submission.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    insecure: Insecure = False,
    json: JsonOut = None,
) -> None:
    """Take a submission back; the ledger keeps that it was there.

    Example: `headstart board withdraw s-0123456789abcdef0123 --reason "wrong tokenizer"`
    """
    check_outputs(json=json)
    body = {} if reason is None else {"reason": reason}
    with _client(url, token_file, insecure) as client:
        _show(client.post(f"/v1/submissions/{_id(submission)}/withdraw", body), json)


def token(
    scope: Annotated[
        str, typer.Argument(metavar="submit|read|worker|admin", help="What it may do.", autocompletion=complete_scope)
    ] = "submit",
    team: Annotated[
        str | None, typer.Option(help="Name or id of the team, for submit and read; a new name makes a new team.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, help="How long it is valid.")] = 90.0,
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="End this token now; make none.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="On the board's machine: without a token, in the board's folder."),
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    insecure: Insecure = False,
) -> None:
    """Make a token, as an administrator; it is printed once, and kept as a digest only.

    Example: `headstart board token submit --team "Team A" --url http://127.0.0.1:8000 > team-a.token`

    Example: `headstart board token admin --dir board/`
    """
    if folder is not None:
        from headstart.board.server.backup import local_token

        typer.echo(local_token(folder, scope, team=team, days=days))
        return
    with _client(url, token_file, insecure) as client:
        if revoke is not None:
            client.request("DELETE", f"/v1/tokens/{_id(revoke)}")
            tell(f"token {revoke} has ended")
            return
        body: dict[str, Any] = {"scope": scope, "days": days}
        if team is not None:
            body["team"] = _team(client, team)
        made = client.post("/v1/tokens", body)
    tell(f"token {made['id']}, scope {scope}, until {made['expires_at']}:")
    typer.echo(made["token"])


def export(
    what: Annotated[
        str, typer.Argument(metavar="csv|json|ledger", help="What to fetch.", autocompletion=complete_export)
    ] = "csv",
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; - for standard output.")
    ] = "-",
    url: Url = None,
    insecure: Insecure = False,
) -> None:
    """Fetch what a board has published: the scores, as `headstart audit` reads them, or the ledger.

    Example: `headstart board export csv --out results.csv`

    Example: `headstart board export ledger --out ledger.jsonl`
    """
    import sys

    from headstart.io.atomic import write_bytes

    if what not in EXPORTS:
        raise InputError(f"the argument must be one of {', '.join(EXPORTS)}, got {what!r}")
    check_outputs(None if out == "-" else Path(out))
    path = {"csv": "/v1/results.csv", "json": "/v1/results", "ledger": "/v1/ledger"}[what]
    with _client(url, None, insecure, public=True) as client:
        data = client.request("GET", path).content
    if out == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        write_bytes(out, data)


def verify_ledger(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Ledger, JSON lines; - for standard input.")],
    head: Annotated[
        str | None, typer.Option(help="A hash noted on an earlier day, which must stand in the ledger.")
    ] = None,
    json: JsonOut = None,
) -> None:
    """Check a board's ledger: that no entry was changed, left out or moved, and that every change was allowed.

    Example: `headstart board export ledger --out ledger.jsonl && headstart board verify-ledger ledger.jsonl`
    """
    from headstart.board.ledger import verify_ledger as check
    from headstart.io.atomic import envelope, write_json

    check_outputs(json=json)
    found = check(file, head=head)
    if json is not None:
        document = {
            "entries": found.entries,
            "submissions": found.submissions,
            "head": found.head,
            "states": dict(found.states),
        }
        write_json(json, envelope("headstart.verified-ledger/1") | document)
    if json != "-":
        states = ", ".join(f"{number} {state}" for state, number in found.states.items())
        typer.echo(f"the ledger holds: {found.entries} entries, {found.submissions} submissions ({states or 'none'})")
        typer.echo(f"its last hash, to note down: {found.head}")


def _client(url: str | None, token_file: Path | None, insecure: bool, *, public: bool = False) -> BoardClient:
    from headstart.board.client import BoardClient, board_token, board_url

    given = None if public else board_token(token_file)
    return BoardClient(board_url(url), token=given, insecure=insecure)


def _id(text: str) -> str:
    import re

    if not re.fullmatch(r"[a-z]-[0-9a-z]{1,38}", text):
        raise InputError(f"must be an id such as s-0123456789abcdef0123, got {text!r}")
    return text


def _team(client: BoardClient, wanted: str) -> str:
    """The id of a team by its name or id; a new one where there is none."""
    teams = client.get("/v1/admin/teams")["teams"]
    for one in teams:
        if wanted in (one["id"], one["name"]):
            return str(one["id"])
    tell(f"a new team: {wanted}")
    return str(client.post("/v1/admin/teams", {"name": wanted})["id"])


def _show(document: dict[str, Any], json: str | None) -> None:
    if json is not None:
        _write(json, document)
        return
    name = "" if document["name"] is None else f" {document['name']}"
    typer.echo(f"{document['id']}{name}: {document['state']}, {document['meaning']}")
    if document["reason"]:
        typer.echo(f"  reason: {document['reason']}")
    if document["owner"] != "nobody":
        typer.echo(f"  next: the {document['owner']}, by {document['deadline'] or document['withhold_until']}")


def _write(json: str, document: dict[str, Any]) -> None:
    from headstart.io.atomic import envelope, write_json

    write_json(json, envelope("headstart.board-answer/1") | document)


def _watch(client: BoardClient, submission: str) -> None:
    for entry in client.events(f"/v1/submissions/{submission}/events"):
        details = "".join(f", {key} {value}" for key, value in entry.get("details", {}).items())
        typer.echo(f"{entry['at']} {entry.get('to', entry['kind'])}{details}")
    _show(client.get(f"/v1/submissions/{submission}"), None)

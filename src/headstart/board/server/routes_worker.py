"""Routes for workers: claim a job, keep it, hand in files, finish it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from headstart.board.server import jobs, tables, tokens
from headstart.board.server.context import Context, bearer, context_of, require
from headstart.board.server.errors import bad_request, not_found
from headstart.board.server.protocols import FOLDER
from headstart.board.server.schemas import ClaimBody, FinishBody, HeartbeatBody
from headstart.board.server.store import Transaction
from headstart.io.atomic import sync_folder

router = APIRouter(prefix="/v1/worker", tags=["workers"])

FILES = ("trajectories.parquet", "items.parquet", "sealed.json", "forecast.json", "report.json")
"""What a worker may hand in."""

RUNS = "runs"


@router.post("/hello", summary="Introduce a worker")
def hello(request: Request) -> dict[str, Any]:
    """A name for the worker, made by the server."""
    require(request, "worker")
    return {"worker": tables.new_id("w"), "lease_seconds": context_of(request).settings.lease_seconds}


@router.get("/protocols/{protocol_id}", summary="What a worker needs to measure a model")
def protocol(request: Request, protocol_id: str) -> dict[str, Any]:
    """The plan without models, and the digests of its item files."""
    require(request, "worker")
    return _bundle(context_of(request), protocol_id)


@router.get("/protocols/{protocol_id}/files/{name}", summary="An item file", response_class=FileResponse)
def item_file(request: Request, protocol_id: str, name: str) -> FileResponse:
    """One of the files that the protocol names; no other can be asked for."""
    require(request, "worker")
    board = context_of(request)
    if name not in _bundle(board, protocol_id)["files"]:
        raise not_found("the protocol has no file of that name")
    return FileResponse(board.folder / FOLDER / name, media_type="application/octet-stream")


@router.post("/claim", summary="Take the oldest open job")
async def claim(request: Request, body: ClaimBody) -> dict[str, Any]:
    """A job with its fence and the length of its lease; null when there is none."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any] | None:
        _worker(write, token)
        return jobs.claim(write, body.worker, kinds=tuple(body.kinds), settings=board.settings)

    return {"job": await board.write(change)}


@router.post("/jobs/{job_id}/heartbeat", summary="Keep a job")
async def heartbeat(request: Request, job_id: int, body: HeartbeatBody) -> dict[str, Any]:
    """Lengthens the lease; 409 ``fenced`` when the job is another's by now or was stopped: let go of it."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> None:
        _worker(write, token)
        jobs.heartbeat(
            write, job_id, worker=body.worker, fence=body.fence, progress=body.progress, settings=board.settings
        )

    await board.write(change)
    return {"lease_seconds": board.settings.lease_seconds}


@router.put("/jobs/{job_id}/files/{name}", summary="Hand in a file of the run")
async def put_file(
    request: Request,
    job_id: int,
    name: str,
    worker: Annotated[str, Query(max_length=40)],
    fence: Annotated[int, Query(ge=1)],
) -> dict[str, Any]:
    """The body is the file; it goes into the folder of this fence, so that no other worker's file is overwritten."""
    board, token = context_of(request), bearer(request)
    if name not in FILES:
        raise bad_request(f"name must be one of {', '.join(FILES)}", field="name")

    def check(write: Transaction) -> str:
        _worker(write, token)
        return jobs.held(write, job_id, worker=worker, fence=fence).submission_id

    submission_id = await board.write(check)
    folder = run_folder(board.folder, submission_id, fence)
    digest, partial = hashlib.sha256(), folder / f".{name}.{worker}.tmp"
    await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
    try:
        with partial.open("wb") as stream:
            async for part in request.stream():
                digest.update(part)
                await run_in_threadpool(stream.write, part)
            stream.flush()
            await run_in_threadpool(os.fsync, stream.fileno())
        os.replace(partial, folder / name)
        sync_folder(folder)
    finally:
        partial.unlink(missing_ok=True)
    return {"name": name, "sha256": digest.hexdigest()}


@router.post("/jobs/{job_id}/finish", summary="End a job")
async def finish(request: Request, job_id: int, body: FinishBody) -> dict[str, Any]:
    """Taken once, under the fence of the claim; the same again is answered alike."""
    board, token = context_of(request), bearer(request)
    outcome = body.value()

    def change(write: Transaction) -> dict[str, Any]:
        _worker(write, token)
        if isinstance(outcome, jobs.Scored):
            _check_files(write, board, job_id, body.fence, outcome)
        return jobs.finish(
            write, job_id, worker=body.worker, fence=body.fence, outcome=outcome, settings=board.settings
        )

    return await board.write(change)


def run_folder(board: Path, submission_id: str, fence: int) -> Path:
    """Where the files of one run are: a folder per submission, and one in it per claim."""
    return board / RUNS / submission_id / f"{fence:04d}"


def _worker(write: Transaction, token: str | None) -> None:
    tokens.caller_of(write.connection, token, now=write.now).require("worker")


def _bundle(board: Context, protocol_id: str) -> dict[str, Any]:
    with board.store.read() as connection:
        row = connection.execute(select(tables.protocol).where(tables.protocol.c.id == protocol_id)).one_or_none()
    if row is None:
        raise not_found("there is no such protocol")
    return {"id": row.id, "name": row.name, **row.bundle}


def _check_files(write: Transaction, board: Context, job_id: int, fence: int, outcome: jobs.Scored) -> None:
    """The files a run speaks of were handed in."""
    table = tables.cell_job
    submission_id = write.connection.execute(
        select(table.c.submission_id).where(table.c.id == job_id)
    ).scalar_one_or_none()
    if submission_id is None:
        raise not_found("there is no such job")
    for name in outcome.files:
        if name not in FILES or not (run_folder(board.folder, submission_id, fence) / name).is_file():
            raise bad_request("files must name files that were handed in", field="outcome.files")

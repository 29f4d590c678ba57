"""Whether every machine of a cluster sees the run folder, the models and the tasks, before any work is done.

The machine that runs the plan writes a token into the run folder. Every machine that may work on it reads the token,
writes one of its own beside it, and compares the files of the plan; the first machine then reads what the others wrote.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import SHOWN, InputError, UnfitError
from headstart.io.atomic import ABANDONED_SECONDS
from headstart.tune.executors import Executor
from headstart.tune.folder import RunFolder
from headstart.tune.model_files import find_files, missing
from headstart.tune.plan import Plan
from headstart.tune.seal import read_seal

_PATIENCE_SECONDS = 15.0
"""How long a file may take to be seen: network file systems answer from memory for some seconds."""

_POLL_SECONDS = 0.2
_END_BYTES = 1 << 16
_TOKENS = ".shared-storage-"
_ADVICE = "put --out, models and tasks on storage that all machines see under one path"


@dataclass(frozen=True, kw_only=True)
class FileEnds:
    """What tells cheaply whether two machines see the same file; its whole content is compared when a cell runs.

    Args:
        path: Absolute.
        size: In bytes.
        sha256: Of the first and the last 64 KiB.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class StorageJob:
    """What a machine is asked to look at.

    Args:
        run_folder: Absolute path of the run folder.
        tokens: Name of the folder in it that holds the tokens.
        token: What the file ``driver`` there says.
        files: Files of the plan.
        patience_seconds: How long something may take to appear.
    """

    run_folder: str
    tokens: str
    token: str
    files: tuple[FileEnds, ...] = ()
    patience_seconds: float = _PATIENCE_SECONDS


def check_shared_storage(
    folder: str | os.PathLike[str], plan: Plan, executor: Executor, *, patience_seconds: float = _PATIENCE_SECONDS
) -> tuple[str, ...]:
    """Raise unless every machine of the executor works on the same files as this one; leaves nothing behind.

    Args:
        folder: Run folder; made for the time of the check if there is none.
        plan: Its local models and tasks are looked at.
        executor: Whose machines are asked.
        patience_seconds: How long a file may take to be seen on another machine.

    Returns:
        The names of the machines.

    Raises:
        UnfitError: Naming every machine with what it does not see.
        InputError: If the folder cannot be written from here.
    """
    run_folder = Path(folder).resolve()
    with _tokens(run_folder) as tokens:
        token = secrets.token_hex(16)
        with _written_from_here(run_folder):
            (tokens / "driver").write_text(token, encoding="utf-8")
        job = StorageJob(
            run_folder=str(run_folder),
            tokens=tokens.name,
            token=token,
            files=plan_files(plan),
            patience_seconds=patience_seconds,
        )
        machines: list[str] = []
        complaints: list[str] = []
        for answer in executor.everywhere(look, job):
            machines.append(answer.machine)
            complaint = answer.reply.error
            if answer.reply.value is not None:
                complaint = _unread(tokens / answer.reply.value, token, patience_seconds)
            elif not answer.reply.bad_input:
                complaint = f"{complaint}; is the same version of headstart installed there?"
            if complaint is not None:
                complaints.append(f"{answer.machine}: {complaint}")
    if complaints:
        listed = [*complaints[:SHOWN], *([f"and {len(complaints) - SHOWN} more"] if len(complaints) > SHOWN else [])]
        raise UnfitError(
            f"{run_folder}: {len(complaints)} of {len(machines)} machines cannot work on this run; {_ADVICE}:\n  "
            + "\n  ".join(listed)
        )
    return tuple(machines)


def look(job: StorageJob) -> str:
    """On any machine: read the token, write one and compare the files; returns the name of the file with the token.

    Raises:
        InputError: With what this machine does not see.
    """
    tokens = Path(job.run_folder) / job.tokens
    if not _within(job.patience_seconds, lambda: _read(tokens / "driver") == job.token, tokens):
        other = ", but another folder under that path" if Path(job.run_folder).is_dir() else ""
        raise InputError(f"does not see the run folder {job.run_folder}{other}")
    for file in job.files:
        found = _ends(Path(file.path))
        if found is None:
            raise InputError(f"does not see {file.path}")
        if found != file:
            raise InputError(f"sees another file than this machine as {file.path}")
    own = tokens / secrets.token_hex(8)
    try:
        own.write_text(job.token, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to the run folder {job.run_folder}: {error.strerror or error}") from None
    return own.name


def plan_files(plan: Plan) -> tuple[FileEnds, ...]:
    """The files of a plan that every machine reads itself: of local models, and of tasks that are files.

    Models that are not there are left out; what is on a hub is fetched by every machine.

    Raises:
        InputError: If a folder holds no model.
    """
    paths: list[Path] = []
    for model in plan.models:
        if model.is_local and not missing(model):
            files = find_files(model)
            paths.extend((*files.weights, *files.companions))
    for task in plan.tasks:
        paths.extend(Path(file) for file in (task.train, task.test, task.validation) if file is not None)
        if task.include_path is not None:
            paths.extend(path for path in Path(task.include_path).rglob("*") if path.is_file())
    found = (_ends(path) for path in sorted({*paths}))
    return tuple(ends for ends in found if ends is not None)


def require_seal(run: RunFolder, plan_hash: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Raise unless this machine sees the sealed plan: it may have joined the cluster behind the check of all others.

    Raises:
        UnfitError: If it does not see it, or another one.
    """
    if not _within(patience_seconds, run.seal_path.exists, run.path):
        raise UnfitError(f"{run.path}: this machine does not see the run folder; {_ADVICE}")
    if read_seal(run.seal_path).hash != plan_hash:
        raise UnfitError(f"{run.path}: this machine sees the run of another plan; {_ADVICE}")


def _unread(path: Path, token: str, patience_seconds: float) -> str | None:
    """What is wrong with a token that another machine says it wrote; None if it is there."""
    if _within(patience_seconds, lambda: _read(path) == token, path.parent):
        return None
    return f"writes to {path.parent.parent}, but nothing of it is seen from here"


@contextmanager
def _tokens(run_folder: Path) -> Generator[Path]:
    """A new folder for tokens in the run folder; it and whatever was made for it are gone behind the block."""
    made = [path for path in (run_folder, *run_folder.parents) if not path.exists()]
    tokens = run_folder / f"{_TOKENS}{secrets.token_hex(6)}"
    try:
        with _written_from_here(run_folder):
            run_folder.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(run_folder)
            tokens.mkdir()
        yield tokens
    finally:
        shutil.rmtree(tokens, ignore_errors=True)
        with suppress(OSError):  # what is not empty stays
            for path in made:
                path.rmdir()


@contextmanager
def _written_from_here(run_folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(run_folder)) from None


def _remove_abandoned(run_folder: Path) -> None:
    """Remove the tokens of checks that were killed; those of one that goes on stay."""
    for path in run_folder.glob(f"{_TOKENS}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _within(seconds: float, seen: Callable[[], bool], folder: Path) -> bool:
    """Whether something is seen before the time is over."""
    until = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > until:
            return False
        for path in (folder.parent, folder):  # opening a folder has a network file system ask what is new in it
            with suppress(OSError):
                os.scandir(path).close()
        time.sleep(_POLL_SECONDS)
    return True


def _read(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return None


def _ends(path: Path) -> FileEnds | None:
    """What a file begins and ends with; None if it cannot be read."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(_END_BYTES)
            stream.seek(max(size - _END_BYTES, 0))
            content += stream.read(_END_BYTES)
    except OSError:
        return None
    return FileEnds(path=str(path), size=size, sha256=hashlib.sha256(content).hexdigest())

"""What a worker does for a job: look at a model's weights, or tune and score it, as the protocol says."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headstart.board.client import BoardClient
from headstart.board.server.protocols import write_plan
from headstart.board.worker.sandbox import Ended, Limits, run_closed
from headstart.errors import HeadstartError, InputError
from headstart.tune.seal import protocol_part, read_seal, weights_digest

_CLI = (sys.executable, "-P", "-c", "from headstart.cli import main; main()")
_FETCH = (sys.executable, "-P", "-c", "from headstart.board.worker.fetch import main; main()")
_UPLOADED = ("sealed.json", "forecast.json", "report.json", "trajectories.parquet", "items.parquet")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "USE_HUB_KERNELS": "NO",
}

Job = Mapping[str, Any]
"""A job as the board hands it out."""


class Failed(HeadstartError):  # noqa: N818 - an outcome of a job, told to the board
    """A job did not succeed.

    Args:
        reason: In one line.
        bad_input: Whether the team can mend it.
    """

    def __init__(self, reason: str, *, bad_input: bool) -> None:
        super().__init__(reason)
        self.reason, self.bad_input = reason, bad_input


class Measure(Protocol):
    """Does jobs; the two methods return the outcome as the board takes it."""

    def prepare(self, job: Job, *, stopped: Callable[[], bool]) -> dict[str, Any]:
        """Look at the weights."""
        ...

    def run(
        self, job: Job, *, stopped: Callable[[], bool], progress: Callable[[str], None], hand_in: Callable[[Path], str]
    ) -> dict[str, Any]:
        """Tune and score."""
        ...


@dataclass(frozen=True, kw_only=True)
class TuneMeasure:
    """Does jobs with ``headstart tune``, in a closed box.

    Args:
        client: Of the board, for the protocol's items.
        folder: Where fetched models and runs are.
        models: Folder whose subfolders are the registered models, by name; None to use those the board names, which
            are on this machine.
        workers: Cells at a time; None for what suits the device.
        threads: Of each cell; part of the protocol's seal.
        device: Where the cells compute.
        executor: ``local``, or another of ``headstart tune``; runs on it need the network, so they are not cut off.
        address: Of the executor's cluster.
    """

    client: BoardClient
    folder: Path
    models: Path | None = None
    workers: int | None = None
    threads: int = 1
    device: str = "auto"
    executor: str = "local"
    address: str | None = None

    def prepare(self, job: Job, *, stopped: Callable[[], bool]) -> dict[str, Any]:
        """Fetch the weights if need be, and see what they are and how long a run would take.

        Raises:
            Failed: If the model cannot be had or read.
        """
        home = self._home(job)
        self._fetch(job, home, stopped)
        plan = self._plan(job, home)
        document = home / "dry-run.json"
        command = (*self._command(plan, home), "--dry-run", "--json", str(document))
        ended = self._closed(job, command, home, stopped)
        _require_done(ended, job, home)
        found = json.loads(document.read_text(encoding="utf-8"))
        if found["missing"]:
            raise Failed("; ".join(found["missing"]), bad_input=False)
        forecast: dict[str, Any] = found["forecast"] or {}
        return {
            "kind": "prepared",
            "weights_sha256": found["weights"][job["submission"]],
            "commit": job["model"]["commit"] or None,
            "forecast_seconds": forecast.get("device_seconds"),
            "protocol_hash": found["protocol_hash"],
            "resolution": found["protocol"],
        }

    def run(
        self, job: Job, *, stopped: Callable[[], bool], progress: Callable[[str], None], hand_in: Callable[[Path], str]
    ) -> dict[str, Any]:
        """Tune and score the model; a run that was interrupted on this machine goes on where it stopped.

        Raises:
            Failed: If it does not come to an end.
        """
        home = self._home(job)
        self._fetch(job, home, stopped)
        plan, out = self._plan(job, home), home / "run"

        def watched() -> bool:
            progress(f"{len(list(out.glob('cells/*/outcome.json')))} cells done")
            return stopped()

        ended = self._closed(job, self._command(plan, home), home, watched)
        _require_done(ended, job, home)
        seal = read_seal(out / "sealed.json")
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        models: Any = seal.resolution["models"]
        return {
            "kind": "scored",
            "seal_hash": seal.hash,
            "protocol_hash": seal.protocol_hash,
            "weights_sha256": weights_digest(models[job["submission"]]),
            "resolution": protocol_part(seal.resolution),
            "trajectories": trajectory_rows(out / "trajectories.parquet"),
            "report": report,
            "files": {name: hand_in(out / name) for name in _UPLOADED if (out / name).is_file()},
        }

    def _home(self, job: Job) -> Path:
        """The job's folder; its name was made by the server, and is checked all the same."""
        name = str(job["submission"])
        if not name.replace("-", "").isalnum():
            raise Failed("the board named a submission that is none", bad_input=False)
        home = self.folder / "runs" / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _command(self, plan: Path, home: Path) -> tuple[str, ...]:
        workers = () if self.workers is None else ("--workers", str(self.workers))
        address = () if self.address is None else ("--address", self.address)
        options = ("--out", str(home / "run"), "--threads", str(self.threads), "--device", self.device)
        return (*_CLI, "tune", str(plan), *options, "--executor", self.executor, *address, *workers)

    def _closed(self, job: Job, command: tuple[str, ...], home: Path, stopped: Callable[[], bool]) -> Ended:
        environment = {**_OFFLINE, "HF_HOME": str(self.folder / "hub")}
        if self.executor != "local":
            # a cluster's address and sockets are in the machine's own folder, and a job's has too long a name for them
            environment["TMPDIR"] = tempfile.gettempdir()
        limits = _limits(job, network=self.executor != "local")
        return run_closed(command, home, limits=limits, environment=environment, stopped=stopped)

    def _fetch(self, job: Job, home: Path, stopped: Callable[[], bool]) -> None:
        model = job["model"]
        if model["kind"] != "hub":
            return
        environment = {
            "HF_HOME": str(self.folder / "hub"),
            "HF_ENDPOINT": job["limits"]["hub_endpoint"],
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "HF_HUB_DISABLE_XET": "1",  # another program's connections would not be watched
        }
        ended = run_closed(
            (*_FETCH, model["source"], model["commit"]),
            home,
            limits=_limits(job, network=True),
            environment=environment,
            stopped=stopped,
        )
        _require_done(ended, job, home)

    def _plan(self, job: Job, home: Path) -> Path:
        """The protocol's plan with this model, under the submission's name: no text of a user comes near a run."""
        model = job["model"]
        entry: dict[str, Any] = {"name": job["submission"]}
        if model["kind"] == "hub":
            entry |= {"hub": model["source"], "revision": model["commit"]}
        else:
            entry["path"] = str(self._registered(model))
        bundle = self.client.get(f"/v1/worker/protocols/{job['protocol']}")
        items = self.folder / "items"
        for name, digest in bundle["files"].items():
            self._item_file(job["protocol"], name, digest, items)
        return write_plan(bundle["plan"], entry, home, items=items)

    def _registered(self, model: Mapping[str, Any]) -> Path:
        own = None if self.models is None else self.models / Path(model["source"]).name
        folder = own or Path(model["folder"] or "")
        if not folder.is_dir() or not folder.is_absolute():
            raise Failed(f"the registered model {model['source']} is not on this worker", bad_input=False)
        return folder

    def _item_file(self, protocol: str, name: str, digest: str, items: Path) -> None:
        target = items / Path(name).name
        if target.is_file() and _sha256(target) == digest:
            return
        items.mkdir(parents=True, exist_ok=True)
        self.client.download(f"/v1/worker/protocols/{protocol}/files/{name}", target)
        if _sha256(target) != digest:
            raise Failed(f"the board's item file {name} is damaged", bad_input=False)


def trajectory_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a run's table as the board takes them; numbers that are none are null.

    Raises:
        InputError: If the file cannot be read.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path)) from None
    columns = ("benchmark", "step", "score", "stderr", "n_items", "seed", "outcome", "cost_per_step")
    return [
        {name: None if isinstance(row[name], float) and not math.isfinite(row[name]) else row[name] for name in columns}
        for row in frame.select(columns).iter_rows(named=True)
    ]


def _limits(job: Job, *, network: bool) -> Limits:
    given = job["limits"]
    return Limits(
        seconds=float(given["run_seconds"]),
        file_bytes=int(given["file_bytes"]),
        memory_bytes=int(given["memory_bytes"]),
        network=network,
    )


def _require_done(ended: Ended, job: Job, home: Path) -> None:
    if ended.status == 0:
        return
    if ended.why is not None:
        raise Failed(ended.why, bad_input="longer" in ended.why)
    text = ended.errors
    for secret in filter(None, (str(home), str(home.parent), str(job["model"].get("folder") or ""))):
        text = text.replace(secret, "...")  # where things are on this machine is nobody's business
    lines = [line.removeprefix("headstart: ") for line in text.splitlines() if line.strip()]
    reason = lines[-1] if lines else f"the run ended with status {ended.status} and said nothing"
    if ended.status == 2:
        reason = "; ".join(lines[-5:]) or reason
    raise Failed(reason[:1500], bad_input=ended.status == 2)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Functions that the tests of executors have workers call."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import Terminated, UnfitError
from headstart.tune.termination import heeding


@dataclass(frozen=True)
class Wants:
    """A job that wants so many GPUs."""

    number: int
    devices: int = 1


def shout(text: str) -> str:
    return text.upper()


def environment(name: str) -> str | None:
    return os.environ.get(name)


def process(_: object) -> int:
    return os.getpid()


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).touch()
        die(marker)
    return "done"


def chatter(text: str) -> str:
    os.write(1, b"libraries print\n")
    print("whatever they like")
    return text


@dataclass(frozen=True)
class Climb:
    """A job whose worker is killed at every step, behind which one more file is kept."""

    folder: str
    height: int

    def progress(self) -> int:
        return len(os.listdir(self.folder))


def climb(job: Climb) -> int:
    done = job.progress()
    if done < job.height:
        (Path(job.folder) / str(done)).touch()
        die(job)
    return done


def keep_when_asked(marker: str | None) -> None:
    """Work for ever, and write down when this process is asked to end."""
    if marker is None:
        return
    with heeding() as alive:
        Path(marker).touch()
        while True:
            time.sleep(0.01)
            try:
                alive()
            except Terminated:
                Path(marker).write_text("kept")
                raise


def visible_gpus(_: object) -> str | None:
    return environment("CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Meeting(Wants):
    """A job that waits until so many are there at once."""

    folder: str = ""
    people: int = 2


def meet(job: Meeting) -> str | None:
    """What the job was given to see, once everybody is there; None if they never were all at once."""
    (Path(job.folder) / str(job.number)).touch()
    deadline = time.monotonic() + 60
    while len(list(Path(job.folder).iterdir())) < job.people:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)
    return visible_gpus(job)


def not_on(node: str) -> str:
    """The Ray node of this call, which is not to be ``node``; ``any`` for none at all."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    if node in (here, "any"):
        raise UnfitError("this machine is not fit")
    return here

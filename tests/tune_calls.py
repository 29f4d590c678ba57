"""Functions that the tests of executors have workers call."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


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


def visible_gpus(_: object) -> str | None:
    return environment("CUDA_VISIBLE_DEVICES")

"""A worker process: reads calls from standard input and writes replies to what was its standard output."""

from __future__ import annotations

import os
import pickle
import sys
from queue import SimpleQueue
from threading import Thread

from headstart.tune.executors import attempt


def main() -> None:
    """Answer calls until whoever made them is gone."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no reply
    calls: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_receive, args=(calls,), daemon=True).start()
    while True:
        pickle.dump(attempt(calls.get()), replies)
        replies.flush()


def _receive(calls: SimpleQueue[bytes]) -> None:
    """Pass calls on; the end of the stream means that the parent died or needs no worker any more.

    Then the process ends at once, whatever it is doing; every file it writes appears whole or not at all.
    """
    while True:
        try:
            calls.put(pickle.load(sys.stdin.buffer))
        except (EOFError, OSError, pickle.UnpicklingError):
            os._exit(0)

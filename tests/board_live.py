"""A board that listens on this machine, for tests of clients and workers."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import uvicorn

from board_cases import SETTINGS, Board
from headstart.board.server import tokens
from headstart.board.server.app import create_app
from headstart.board.server.context import Context
from headstart.board.server.settings import Settings


class Live:
    """A served board with a token of every scope."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.folder = folder
        self.board = Board(folder, settings)
        self.context = Context(folder=folder, store=self.board.store, settings=settings)
        self.tokens = {scope: self.token(scope) for scope in ("read", "submit", "worker", "admin")}
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(create_app(self.context), log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets=[listener])), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def token(self, scope: str) -> str:
        team = "t-one" if scope in ("read", "submit") else None
        return self.board.store.write(lambda write: tokens.make_token(write, scope, team_id=team))[0]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.board.store.close()

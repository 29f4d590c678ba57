"""Fetching a model of the hub, in a process that connects to public addresses alone.

    python -P -c "from headstart.board.worker.fetch import main; main()" OWNER/NAME COMMIT

Whatever a redirect or a name server says, no address of this machine or its private network is connected to.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any


class PrivateAddressError(OSError):
    """A name stands for an address that is not public."""


def is_public(address: str) -> bool:
    """Whether an address can be reached by everybody: not of this machine, a private network, or a link.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0")]
    [True, False, False, False, False, False]
    """
    try:
        found = ip_address(address.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped if mapped is not None else found
    return found.is_global and not found.is_multicast


def guard_addresses() -> None:
    """Make this process unable to connect to what is not public, by name or by number, through any library."""
    resolve: Callable[..., Any] = socket.getaddrinfo

    def public_only(host: Any, *arguments: Any, **options: Any) -> Any:
        found = resolve(host, *arguments, **options)
        kept = [entry for entry in found if is_public(str(entry[4][0]))]
        if not kept:
            raise PrivateAddressError(f"{host} stands for no public address")
        return kept

    connect: Callable[..., Any] = socket.socket.connect

    def connect_public(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_public(str(address[0])):
            raise PrivateAddressError(f"{address[0]} is no public address")
        return connect(self, address)

    socket.getaddrinfo = public_only
    socket.socket.connect = connect_public  # pyright: ignore[reportAttributeAccessIssue]


def main() -> None:
    """Fetch the model that the arguments name into the hub's cache."""
    from headstart.errors import HeadstartError
    from headstart.tune.hub import fetch
    from headstart.tune.plan import ModelSpec

    source, commit = sys.argv[1:3]
    guard_addresses()
    try:
        folder = fetch(ModelSpec(name="model", source=source, revision=commit))
    except HeadstartError as error:
        print(f"headstart: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    if folder.name != commit:
        print(f"headstart: the hub gave {folder.name} for {commit}", file=sys.stderr)
        sys.exit(2)

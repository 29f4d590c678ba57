"""What users may write: names, and references to models. No path and no address comes from a request."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, insert, select

from headstart.board.server import tables
from headstart.board.server.errors import bad_request
from headstart.board.server.store import Transaction
from headstart.errors import InputError
from headstart.tune.checks import check_label

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_HUB_NAME = re.compile(f"{_PART}/{_PART}")
_COMMIT = re.compile("[0-9a-f]{40}")
_REGISTERED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIND = select(tables.model_ref.c.id).where(
    tables.model_ref.c.kind == bindparam("kind"),
    tables.model_ref.c.source == bindparam("source"),
    tables.model_ref.c.commit == bindparam("commit"),
)
_KEY = re.compile(r"[\x21-\x7e]{8,80}")


@dataclass(frozen=True, kw_only=True)
class ModelReference:
    """A model as a user names it: one of the hub at a commit, or one that the administrator registered.

    Args:
        kind: ``hub`` or ``registered``.
        source: ``owner/name``, or the registered name.
        commit: 40 hexadecimal digits; empty for a registered model.
    """

    kind: str
    source: str
    commit: str = ""


def hub_reference(name: str, commit: str) -> ModelReference:
    """A model of the hub.

    Raises:
        BoardError: If the name is not ``owner/name``, or the commit not 40 hexadecimal digits: a branch or tag can be
            moved after the submission.

    >>> hub_reference("owner/model", "0" * 40).source
    'owner/model'
    """
    if not _HUB_NAME.fullmatch(name) or ".." in name or "--" in name or name.endswith(".git"):
        raise bad_request(f"hub must be a name like owner/model, got {_shown(name)}", field="model.hub")
    if not _COMMIT.fullmatch(commit):
        raise bad_request(
            f"commit must be the 40 hexadecimal digits of a commit, got {_shown(commit)}", field="model.commit"
        )
    return ModelReference(kind="hub", source=name, commit=commit)


def registered_reference(name: str) -> ModelReference:
    """A model that the administrator registered.

    Raises:
        BoardError: If it cannot be the name of one.
    """
    if not _REGISTERED.fullmatch(name) or ".." in name:
        raise bad_request(
            f"registered must be a name of letters, digits, . _ -, got {_shown(name)}", field="model.registered"
        )
    return ModelReference(kind="registered", source=name)


def clean_name(name: str, field: str) -> str:
    """``name`` in the normal form of Unicode, when it can stand in a table, a page and a file.

    Raises:
        BoardError: If it is empty, too long, padded, or holds a separator of paths or an invisible character, such as
            those that turn the direction of writing.
    """
    text = unicodedata.normalize("NFC", name)
    odd = next(
        (char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), None
    )
    if odd is not None:
        raise bad_request(f"{field} must be free of invisible characters, got {_shown(name)}", field=field)
    try:
        return check_label(text, field)
    except InputError as error:
        raise bad_request(error.message, field=field) from None


def idempotency_key(key: str | None) -> str:
    """The key of a request that may come twice.

    Raises:
        BoardError: If there is none, or it is too short to be one.
    """
    if key is None or not _KEY.fullmatch(key):
        raise bad_request(
            "the header Idempotency-Key must be 8 to 80 printable characters, new for every submission and the same "
            "when one is repeated",
            field="Idempotency-Key",
        )
    return key


def reference_id(write: Transaction, reference: ModelReference) -> str:
    """The row of a model that is referred to; one of the hub is added when it is named for the first time.

    Raises:
        BoardError: If no such model is registered.
    """
    found = write.connection.execute(_FIND, asdict(reference)).scalar_one_or_none()
    if found is not None:
        return found
    if reference.kind == "registered":
        raise bad_request(f"no model {reference.source!r} is registered", field="model.registered")
    return _add(write, reference, folder=None)


def register_model(write: Transaction, name: str, folder: str) -> str:
    """Register a folder under a name, or move the name to another folder: for the administrator on the machine.

    Raises:
        BoardError: If it cannot be a name.
    """
    reference, table = registered_reference(name), tables.model_ref
    found = write.connection.execute(
        select(table.c.id).where(table.c.kind == "registered", table.c.source == name)
    ).scalar_one_or_none()
    if found is None:
        return _add(write, reference, folder=folder)
    write.connection.execute(table.update().where(table.c.id == found).values(folder=folder))
    return found


def _add(write: Transaction, reference: ModelReference, *, folder: str | None) -> str:
    name = tables.new_id("m")
    row = {"id": name, **asdict(reference), "folder": folder, "created_at": write.now}
    write.connection.execute(insert(tables.model_ref), row)
    return name


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 80 else shown[:77] + "..."

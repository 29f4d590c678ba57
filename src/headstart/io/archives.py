"""Zip archives from strangers: read in memory, never unpacked to disk, within limits that a bomb breaks at once."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from headstart.errors import InputError

MOST_MEMBERS = 200_000
"""Members that an archive may list."""

MOST_UNPACKED = 1 << 30
"""Bytes that are unpacked from one archive in all."""

MOST_RATIO = 1000
"""How many times larger than packed a member of more than ``RATIO_FROM`` bytes may be."""

RATIO_FROM = 1 << 20

ZSTANDARD = 93
"""Compression method 93 of the zip format, which the standard library reads from Python 3.14 on."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_CHUNK = 1 << 18


class Archive:
    """A zip archive in memory.

    Nothing is written to disk, so a name can lead nowhere; names that would lead out of a folder (``../``, absolute,
    with a drive) are refused all the same, because no honest tool writes them.

    Args:
        data: The bytes of the archive.
        source: What to call it in messages.

    Raises:
        InputError: If it is no such archive, is damaged, lists more members than allowed, or names one that leads out.
    """

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        self._data = data
        self._unpacked = 0
        listed = data.count(b"PK\x01\x02")  # before they are parsed, which takes memory for each
        if listed > MOST_MEMBERS:
            raise InputError(f"must hold at most {MOST_MEMBERS:,} members, got {listed:,}", file=source)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as listing:
                members = listing.infolist()
        except Exception as error:  # the standard library raises many kinds for damaged archives
            raise InputError(f"is a damaged zip archive: {error}", file=source) from None
        for member in members:
            _check_name(member.filename, source)
        self._members = {member.filename: member for member in members}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members, as listed."""
        return tuple(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """The bytes of one member, checked against its checksum.

        Raises:
            InputError: If there is none of that name, it is damaged, encrypted, packed in an unknown way or larger than
                the limits allow, or it needs the package zstandard, which is not installed.
        """
        if name not in self._members:
            raise InputError(f"must hold {name!r}", file=self.source)
        member = self._members[name]
        if member.flag_bits & 1:
            raise self._wrong(name, "is encrypted")
        try:
            packed = self._packed(member)
            parts, size = list[bytes](), 0
            for part in _unpack(packed, member.compress_type):
                size += len(part)
                self._check_size(name, size, len(packed))
                parts.append(part)
        except InputError as error:
            raise error.located(file=self.source) from None
        except Exception as error:  # whatever a decompressor says about damaged bytes
            raise self._wrong(name, f"is damaged: {error}") from None
        content = b"".join(parts)
        if zlib.crc32(content) != member.CRC:
            raise self._wrong(name, "is damaged: its checksum does not fit")
        self._unpacked += len(content)
        return content

    def _packed(self, member: zipfile.ZipInfo) -> bytes:
        """The packed bytes, behind the header that stands before them."""
        start = member.header_offset
        mark, name_length, extra_length = _LOCAL_HEADER.unpack_from(self._data, start)
        if mark != b"PK\x03\x04":
            raise InputError(f"is a damaged zip archive: {member.filename!r} is not where the list says")
        begin = start + _LOCAL_HEADER.size + name_length + extra_length
        return self._data[begin : begin + member.compress_size]

    def _check_size(self, name: str, size: int, packed: int) -> None:
        if self._unpacked + size > MOST_UNPACKED:
            raise self._wrong(name, f"would make more than {MOST_UNPACKED >> 20} MiB unpacked in all")
        if size > RATIO_FROM and size > MOST_RATIO * max(packed, 1):
            raise self._wrong(name, f"unpacks to more than {MOST_RATIO} times its size")

    def _wrong(self, name: str, what: str) -> InputError:
        return InputError(f"the member {name!r} {what}", file=self.source)


def _check_name(name: str, source: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\x00" in name:
        raise InputError(f"must not name members outside the archive, got {name!r}", file=source)


def _unpack(packed: bytes, method: int) -> Iterator[bytes]:
    if method == zipfile.ZIP_STORED:
        yield packed
    elif method == zipfile.ZIP_DEFLATED:
        yield from _inflate(packed)
    elif method == ZSTANDARD:
        yield from _unpack_zstandard(packed)
    else:
        raise InputError(f"must be packed by deflate or zstandard, got compression method {method}")


def _inflate(packed: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    while not stream.eof:
        part = stream.decompress(packed, _CHUNK)
        if not part and not stream.unconsumed_tail:
            raise InputError("is a damaged zip archive: a member ends early")
        packed = stream.unconsumed_tail
        yield part


def _unpack_zstandard(packed: bytes) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise InputError(
            "is packed by zstandard; reading it needs one more package: pip install 'headstart[files]'"
        ) from None
    module: Any = zstandard
    with module.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed, read_across_frames=True) as stream:
        while part := stream.read(_CHUNK):
            yield part

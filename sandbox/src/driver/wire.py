"""Frames: u32 length of a JSON header, u32 length of a body, the header, the body; big endian."""
import json
import os
import struct

MAX_HEADER = 32 << 20
MAX_BODY = 64 << 20
HEAD = struct.Struct(">II")


class Closed(Exception):
    """The other side is gone."""


def read_exact(fd, count):
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            raise Closed()
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(fd):
    header, body = HEAD.unpack(read_exact(fd, HEAD.size))
    if header > MAX_HEADER or body > MAX_BODY:
        raise ValueError("frame of %d + %d bytes is larger than allowed" % (header, body))
    return json.loads(read_exact(fd, header).decode("utf-8")), read_exact(fd, body)


def pack(header, body=b""):
    data = json.dumps(header).encode("ascii")
    return HEAD.pack(len(data), len(body)) + data + body


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def write_frame(fd, header, body=b""):
    write_all(fd, pack(header, body))


def text_of(raw):
    """Bytes of a path as text that JSON can carry and `os.fsencode` turns back."""
    return raw.decode("utf-8", "surrogateescape")

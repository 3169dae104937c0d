"""An export's body on its way to the disk, looked at until nothing but the whole of it can pass.

An export has no count and no end marker. So four things are held to: the framing of HTTP, the end
of the gzip stream with its checksum, and that every line is an event, the last one too. What cannot
be seen is a body that ends well after a whole line, with fewer events than there are.
"""

import json
import zlib
from collections.abc import Iterator
from typing import IO

import requests
import urllib3

from config.errors import RetryLater

_PIECE = 1 << 18
_HEAD, _TAIL = b'{"event":"', b"}}"
_BETWEEN = _TAIL + b"\n" + _HEAD
_SHOWN_CHARACTERS = 60


class NotWhole(RetryLater):
    """The body was cut short, or says so itself."""


def spool(response: requests.Response, file: IO[bytes]) -> None:
    """Append the body as gzip, its last line ended. Raises NotWhole; what was written until then is
    worth nothing."""
    lines = Lines()
    match response.headers.get("Content-Encoding", "").strip().lower():
        case "gzip" | "x-gzip":
            _unpacked(response, file, lines)
        case "" | "identity":
            _plain(response, file, lines)
        case other:
            raise NotWhole(
                f"the body came as {other[:_SHOWN_CHARACTERS]!r}, which nobody asked for"
            )
    if lines.end():  # or the first line of a body that follows would be glued to the last
        file.write(_packed(b"\n"))


def _unpacked(response: requests.Response, file: IO[bytes], lines: "Lines") -> None:
    """Compressed: stored as it comes, and inflated only to be looked at."""
    inflate = zlib.decompressobj(wbits=31)
    seen = False
    try:
        for piece in _pieces(response):
            file.write(piece)
            rest = piece
            while rest:
                if inflate.eof:  # members may follow each other
                    inflate = zlib.decompressobj(wbits=31)
                lines.feed(inflate.decompress(rest))
                rest, seen = inflate.unused_data, True
    except zlib.error as error:
        raise NotWhole(f"the compressed body is damaged ({error})") from None
    if not seen:
        file.write(_packed(b""))
    elif not inflate.eof:
        raise NotWhole("the compressed body ends before its end")


def _plain(response: requests.Response, file: IO[bytes], lines: "Lines") -> None:
    """A body that is small, or that a proxy unpacked: whether all of it came, only HTTP can say."""
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if not chunked and "Content-Length" not in response.headers:
        raise NotWhole("the body came without a length, so that nobody knows where it ends")
    deflate = zlib.compressobj(1, wbits=31)
    for piece in _pieces(response):
        lines.feed(piece)
        file.write(deflate.compress(piece))
    file.write(deflate.flush())


def _packed(data: bytes) -> bytes:
    return zlib.compress(data, wbits=31)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it is on the wire. urllib3 holds it to Content-Length and to its chunks."""
    try:
        yield from response.raw.stream(_PIECE, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError:
        raise NotWhole("the body stopped coming") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NotWhole(f"the body was cut off ({type(error).__name__})") from None


class Lines:
    """Lines that end in a line feed and in nothing else: JSON text may hold U+2028 and U+0085.

    Events as the vendor writes them are told by how they begin and end, which is counted as fast
    as bytes are read. Any other line is parsed: it must be an object with an event's name and its
    properties. Text that is no UTF-8 is left to the reader, who keeps such a row aside.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._lines = 0

    def feed(self, data: bytes) -> None:
        """Look at the lines that `data` completes. Raises NotWhole."""
        end = data.rfind(b"\n")
        if end < 0:
            self._held.append(data)
            return
        self._look(b"".join([*self._held, data[:end]]))
        self._held = [data[end + 1 :]]

    def end(self) -> bool:
        """Look at the last line, and say whether it lacks a line feed; it needs none."""
        rest = b"".join(self._held)
        self._held = []
        self._look(rest)
        return bool(rest)

    def _look(self, block: bytes) -> None:
        if not block:
            return
        feeds = block.count(b"\n")
        if (
            block.startswith(_HEAD)
            and block.endswith(_TAIL)
            and block.count(_BETWEEN) == feeds
        ):  # fmt: skip
            self._lines += feeds + 1
            return
        for line in block.split(b"\n"):
            self._lines += 1
            plain = line.strip()
            if plain and not (plain.startswith(_HEAD) and plain.endswith(_TAIL)):
                self._parse(plain)

    def _parse(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            # What begins like an event is one that was cut; it holds what is nobody's business.
            said = "is cut off" if text[0] in "{[" else f"says {text[:_SHOWN_CHARACTERS]!r}"
            raise NotWhole(f"line {self._lines} of the body {said}") from None
        if (
            not isinstance(found, dict)
            or not isinstance(found.get("event"), str)
            or not isinstance(found.get("properties"), dict)
        ):
            raise NotWhole(f"line {self._lines} of the body is no event")

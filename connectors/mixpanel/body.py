"""An export's body on its way to the disk, looked at until nothing but the whole of it can pass.

An export has no count and no end marker. So four things are held to: the framing of HTTP, the end
of the gzip stream with its checksum, and that every line is an event, the last one too. What cannot
be seen is a body that ends well after a whole line, with fewer events than there are.
"""

import json
from collections.abc import Callable, Iterator

import requests
import urllib3
from isal import isal_zlib

from config.errors import RetryLater
from connectors.mixpanel.pieces import Pieces

_PIECE = 1 << 15  # so that what comes out of it stays near the processor
_HEAD, _TAIL = b'{"event":"', b"}}"
_FEED = ord("\n")
_SHOWN_CHARACTERS = 60
_DAMAGED: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # typed as an instance


class NotWhole(RetryLater):
    """The body was cut short, or says so itself."""


def spool(
    response: requests.Response, pieces: Pieces, unwanted: Callable[[], bool] = lambda: False
) -> None:
    """Append the body as plain text, its last line ended. Raises NotWhole, also as soon as it is
    `unwanted`; what was written until then is worth nothing."""
    lines = Lines()
    match response.headers.get("Content-Encoding", "").strip().lower():
        case "gzip" | "x-gzip":
            body = _inflated(response)
        case "" | "identity":
            body = _plain(response)
        case other:
            raise NotWhole(
                f"the body came as {other[:_SHOWN_CHARACTERS]!r}, which nobody asked for"
            )
    for data in body:
        before = lines.ended
        whole = lines.feed(data)
        pieces.write(data, whole, lines.ended - before)
        if unwanted():
            raise NotWhole("nobody waits for it any more")
    if lines.end():  # or the first line of a body that follows would be glued to the last
        pieces.write(b"\n", 1, 1)


def _inflated(response: requests.Response) -> Iterator[bytes]:
    """Compressed. Inflated here and nowhere else: the engine reads plain text with all its threads,
    of a compressed file it would have to go through the whole with one."""
    inflate = isal_zlib.decompressobj(wbits=31)
    seen = False
    try:
        for piece in _pieces(response):
            rest = piece
            while rest:
                if inflate.eof:  # members may follow each other
                    inflate = isal_zlib.decompressobj(wbits=31)
                yield inflate.decompress(rest)
                rest, seen = inflate.unused_data, True
    except _DAMAGED as error:
        raise NotWhole(f"the compressed body is damaged ({error})") from None
    if seen and not inflate.eof:
        raise NotWhole("the compressed body ends before its end")


def _plain(response: requests.Response) -> Iterator[bytes]:
    """A body that is small, or that a proxy unpacked: whether all of it came, only HTTP can say."""
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if not chunked and "Content-Length" not in response.headers:
        raise NotWhole("the body came without a length, so that nobody knows where it ends")
    yield from _pieces(response)


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
        self.ended = 0
        """how many lines have ended so far"""

    def feed(self, data: bytes) -> int:
        """Look at the lines that `data` completes; gives where the last of them ends, behind its
        line feed. Raises NotWhole."""
        first = data.find(b"\n")
        if first < 0:
            self._held.append(data)
            return 0
        self._look(b"".join([*self._held, data[:first]]))
        last = data.rfind(b"\n")
        if first < last:
            self._look_at_many(data, first + 1, last)
        self._held = [data[last + 1 :]]
        return last + 1

    def end(self) -> bool:
        """Look at the last line, and say whether it lacks a line feed; it needs none."""
        rest = b"".join(self._held)
        self._held = []
        if rest.strip():
            self.ended += 1
            self._parse(rest.strip())  # it may have been cut just behind two brackets
        return bool(rest)

    def _look_at_many(self, data: bytes, begin: int, end: int) -> None:
        feeds = _feeds_between_events(data, begin, end)
        if feeds is not None and data.startswith(_HEAD, begin) and data.endswith(_TAIL, begin, end):
            self.ended += feeds + 1
            return
        for line in data[begin:end].split(b"\n"):
            self._look(line)

    def _look(self, line: bytes) -> None:
        self.ended += 1
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
            raise NotWhole(f"line {self.ended} of the body {said}") from None
        if (
            not isinstance(found, dict)
            or not isinstance(found.get("event"), str)
            or not isinstance(found.get("properties"), dict)
        ):
            raise NotWhole(f"line {self.ended} of the body is no event")


def _feeds_between_events(data: bytes, begin: int, end: int) -> int | None:
    """How many line feeds there are, None if one of them is not between two events. Bytes are
    compared by the word, where a search for the text would look at each."""
    import numpy as np  # not needed where there is nothing to fetch

    feeds = np.flatnonzero(np.frombuffer(data, np.uint8, end - begin, begin) == _FEED) + begin
    if feeds.size == 0:
        return 0
    if feeds[0] < len(_TAIL) or feeds[-1] + len(_HEAD) >= len(data):
        return None
    ends = np.ndarray(len(data) - 1, "<u2", data, strides=(1,))
    starts = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))
    are_events = (
        (ends[feeds - 2] == int.from_bytes(_TAIL, "little"))
        & (starts[feeds + 1] == int.from_bytes(_HEAD[:8], "little"))
        & (starts[feeds + 3] == int.from_bytes(_HEAD[2:], "little"))
    )
    return feeds.size if are_events.all() else None

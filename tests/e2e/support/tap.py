"""A recorder on the path: a loopback listener that copies bytes to a server and back, and keeps them, so that a test can
check what crossed the network in clear."""
import contextlib
import errno
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from . import loopback

UP, DOWN = "program to server", "server to program"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Crossing:
    """One piece of bytes that crossed, as we read it."""
    at: float  # seconds since the connection came
    direction: str
    data: bytes


@dataclass
class Recording:
    """One connection."""
    peer: tuple  # the program's address
    crossings: list = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def bytes(self, direction):
        return b"".join(c.data for c in list(self.crossings) if c.direction == direction)

    @property
    def up(self):
        return self.bytes(UP)

    @property
    def down(self):
        return self.bytes(DOWN)


def first_record(stream):
    """Where the first TLS record (a handshake record of a ClientHello or ServerHello) begins in `stream`, or None.

    Clear text of these protocols never holds 0x16 0x03."""
    at = stream.find(b"\x16\x03")
    return at if at >= 0 else None


def is_tls(stream):
    """True if `stream` consists only of TLS records (the last one may be cut)."""
    while stream:
        if stream[0] not in (20, 21, 22, 23) or stream[1:2] not in (b"", b"\x03"):
            return False
        if len(stream) < 5:
            return True
        stream = stream[5 + int.from_bytes(stream[3:5], "big"):]
    return True


class Tap:
    """Listens on `host`:`port` and copies to `server` = (address, port). Use as a context."""

    def __init__(self, server, host="127.0.0.1", port=0, keep=True):
        self.server = server
        self.keep = keep  # False: count bytes only (bulk)
        self.listener = loopback.listen(host, port)
        self.host, self.port = self.listener.getsockname()[:2]
        self.recordings = []
        self.count = {UP: 0, DOWN: 0}
        self._sockets = []
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(10)
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # Used by tests.

    @property
    def up(self):
        """Everything that programs sent to the server, in all connections."""
        return b"".join(r.up for r in self.recordings)

    @property
    def down(self):
        return b"".join(r.down for r in self.recordings)

    def clear_up(self):
        """What programs sent before their first TLS record, in all connections."""
        return b"".join(r.up[:first_record(r.up)] for r in self.recordings)

    def wait_closed(self, timeout=20):
        """Waits until all connections so far have ended in both directions."""
        deadline = time.monotonic() + timeout
        for recording in list(self.recordings):
            assert recording.closed.wait(max(0, deadline - time.monotonic())), f"still open:\n{self.transcript()}"

    def never_saw(self, *secrets):
        """Asserts that none of `secrets` crossed in either direction, in clear or base64."""
        import base64
        for secret in secrets:
            for form in (secret, base64.b64encode(secret).rstrip(b"="), base64.b64encode(b"\0test\0" + secret)):
                assert form not in self.up, f"{form!r} went to the server in clear:\n{self.transcript()}"
                assert form not in self.down, f"{form!r} came from the server in clear:\n{self.transcript()}"

    def saw_only_tls_after(self, clear_text):
        """Asserts that each connection sent `clear_text` (a regular expression of bytes) and then only TLS records, starting
        with a handshake."""
        import re
        assert self.recordings, "nobody connected"
        for recording in self.recordings:
            start = first_record(recording.up)
            assert start is not None, f"no TLS record was sent:\n{self.transcript()}"
            assert re.fullmatch(clear_text, recording.up[:start]), self.transcript()
            assert is_tls(recording.up[start:]), f"something else than TLS was sent:\n{self.transcript()}"

    def transcript(self, limit=2000):
        """What crossed, in readable form: clear lines as they are, TLS records by type and length."""
        lines = []
        for number, recording in enumerate(self.recordings):
            lines.append(f"-- connection {number + 1} to {self.server}")
            for crossing in list(recording.crossings):
                arrow = ">" if crossing.direction == UP else "<"
                lines += [f"{crossing.at:7.3f} {arrow} {line}" for line in describe(crossing.data)]
        return "\n".join(lines)[:limit * 10]

    # How it works.

    def _accept(self):
        while True:
            try:
                program, peer = self.listener.accept()
            except OSError:
                return
            recording = Recording(peer)
            self.recordings.append(recording)
            self._sockets.append(program)
            threading.Thread(target=self._connection, args=(program, recording), daemon=True).start()

    def _connection(self, program, recording):
        start = time.monotonic()
        try:
            server = socket.create_connection(self.server)
        except OSError:
            program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            program.close()
            recording.closed.set()
            return
        self._sockets.append(server)
        for sock in (program, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up = threading.Thread(target=self._copy, args=(program, server, UP, recording, start), daemon=True)
        up.start()
        self._copy(server, program, DOWN, recording, start)
        up.join()
        program.close()
        server.close()
        recording.closed.set()

    def _copy(self, source, target, direction, recording, start):
        """Copies until the end of the stream. Passes a reset on one side on to the other."""
        while True:
            try:
                data = source.recv(65536)
            except OSError as error:
                if error.errno == errno.ECONNRESET:
                    return _reset(target)
                break
            if not data:
                break
            self.count[direction] += len(data)
            if self.keep:
                recording.crossings.append(Crossing(time.monotonic() - start, direction, data))
            try:
                target.sendall(data)
            except OSError:
                return _reset(source)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def _reset(sock):
    """Makes the later close of `sock` a reset, and wakes the thread that reads from it."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        sock.shutdown(socket.SHUT_RD)


_RECORDS = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}


def describe(data):
    """Readable lines for `data`."""
    lines = []
    while data:
        if data[0] in _RECORDS and data[1:2] == b"\x03" and len(data) >= 5:
            length = int.from_bytes(data[3:5], "big")
            lines.append(f"[TLS {_RECORDS[data[0]]}, {length} bytes]")
            data = data[5 + length:]
        else:
            line, separator, rest = data.partition(b"\n")
            text = (line + separator).decode("latin-1")
            lines.append(text.encode("unicode_escape").decode() if not text.isprintable() and
                         not text.rstrip("\r\n").isprintable() else text.rstrip("\r\n"))
            data = rest
    return lines

"""The peer of the twin programs (tests/twin/twin.h): a server that never runs under the shim, and does what the program
asks for over a control socket. With a certificate it speaks TLS, from the first byte or, with `starttls`, after STLS. It
always greets like a POP3 server, so that the relay knows that it may pass on anything."""
import collections
import contextlib
import os
import secrets
import select
import socket
import ssl
import struct
import threading

from . import loopback

GREETING = b"+OK retrotls ready\r\n"
CAPABILITIES = b"+OK\r\nSTLS\r\n.\r\n"
PATIENCE = 30  # seconds a command waits for its condition
CHUNK = 65536
_PERIOD = 23
_PATTERN = bytes(97 + i % _PERIOD for i in range(_PERIOD * 8192))


def pattern(start, count):
    """`count` bytes, from offset `start`, of the pattern that both sides send."""
    start %= _PERIOD
    return (_PATTERN * ((start + count) // len(_PATTERN) + 1))[start:start + count]


class Session:
    """One connection of the program. Its own thread serves it; no other thread touches the socket."""

    def __init__(self, sock, context, held, starttls):
        self.sock = sock
        self.starttls = starttls
        self.asked = not (context and starttls)  # the relay has asked its own first question inside TLS
        self.context = context  # of TLS, or None
        self.greeted = threading.Event()
        if not held:
            self.greeted.set()
        self.began = b""  # with TLS, the first bytes that came
        self.received = bytearray()
        self.end = None
        self.sent_pattern = 0
        self.outgoing = bytearray()
        self.reading = True
        self.echo = False
        self.changed = threading.Condition()
        self._tls = None
        self._jobs = collections.deque()
        self._wake, self._waker = os.pipe()
        self._open = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    # Called by the threads of the control socket.

    def do(self, job):
        """Runs `job` in the session's thread and returns its answer."""
        done = threading.Event()
        answer = []
        self._jobs.append((job, answer, done))
        os.write(self._waker, b"x")
        assert done.wait(PATIENCE), "the session's thread is stuck"
        return answer[0]

    def wait(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), \
                f"in vain: {len(self.received)} bytes came, end {self.end}, {len(self.outgoing)} to be sent"

    # Called in the session's thread.

    def send(self, data):
        if not self._open:
            return "closed"
        self.outgoing += self._sealed(data)
        self._flush()
        return "ok"

    def send_pattern(self, count):
        data = pattern(self.sent_pattern, count)
        self.sent_pattern += count
        return self.send(data)

    def half(self):
        self._close_notify()
        self.sock.setblocking(True)
        self._flush()
        self.sock.shutdown(socket.SHUT_WR)
        self.sock.setblocking(False)
        return "ok"

    def close(self):
        self._close_notify()
        self.sock.setblocking(True)
        self._flush()
        self._shut()
        return "ok"

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._shut()
        return "ok"

    def start_echo(self):
        self.echo = True
        return self.send(bytes(self.received))

    def set(self, name, value):
        setattr(self, name, value)
        return "ok"

    def out_of_band(self):
        self.sock.send(b"u", socket.MSG_OOB)
        return "ok"

    # How it works.

    def _run(self):
        try:
            self.greeted.wait()
            self.sock.settimeout(PATIENCE)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                if self.starttls:
                    self._agree()
                self._handshake()
            else:
                self.sock.sendall(GREETING)
            self.sock.setblocking(False)
        except (OSError, ssl.SSLError, EOFError) as error:
            self._ended(f"before the session: {error!r}")
            self._open = False
        while self._turn():
            continue

    def _agree(self):
        self.sock.sendall(b"+OK ready\r\n")
        for expected, reply in (b"CAPA\r\n", CAPABILITIES), (b"STLS\r\n", b"+OK\r\n"):
            line = b""
            while not line.endswith(b"\n"):
                byte = self.sock.recv(1)
                if not byte:
                    raise EOFError(f"after {line!r}")
                line += byte
            if line != expected:
                raise EOFError(f"{line!r} instead of {expected!r}")
            self.sock.sendall(reply)

    def _handshake(self):
        self._incoming, self._sealing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self.context.wrap_bio(self._incoming, self._sealing, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self._sealing.read())
                data = self.sock.recv(CHUNK)
                if not data:
                    raise EOFError("handshake") from None
                self.began = self.began or data
                self._incoming.write(data)
        try:
            if not self.starttls:
                self._tls.write(GREETING)
            self.sock.sendall(self._sealing.read())  # the program may be gone by now
        except OSError as error:
            return self._ended("reset" if isinstance(error, (ConnectionResetError, BrokenPipeError)) else repr(error))
        self._decrypt()

    def _turn(self):
        reads = [self._wake]
        if self._open and self.reading and not self.end:
            reads.append(self.sock)
        writes = [self.sock] if self._open and self.outgoing else []
        readable, writable, _ = select.select(reads, writes, [])
        if writable:
            self._flush()
        if self.sock in readable:
            self._receive()
        if self._wake in readable:
            os.read(self._wake, 1)
            job, answer, done = self._jobs.popleft()
            if job is None:
                with contextlib.suppress(OSError):
                    self._shut()
                done.set()
                return False
            try:
                answer.append(job())
            except OSError as error:
                answer.append(f"failed: {error}")
            done.set()
        return True

    def _receive(self):
        try:
            data = self.sock.recv(CHUNK)
        except OSError as error:
            return self._ended("reset" if isinstance(error, ConnectionResetError) else repr(error))
        if not self._tls:
            return self._took(data) if data else self._ended("eof")
        if not data:
            return self._ended("truncated")
        self._incoming.write(data)
        self._decrypt()

    def _decrypt(self):
        while not self.end:
            try:
                data = self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError as error:
                return self._ended(repr(error))
            if not data:
                return self._ended("eof")
            self._took(data)

    def _took(self, data):
        if not self.asked:
            self.asked = True
            assert data == b"CAPA\r\n", data
            self.send(CAPABILITIES)
            return
        with self.changed:
            self.received += data
            self.changed.notify_all()
        if self.echo:
            self.send(data)

    def _ended(self, how):
        with self.changed:
            self.end = self.end or how
            self.changed.notify_all()

    def _sealed(self, data):
        if not self._tls:
            return data
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view):]
        return self._sealing.read()

    def _close_notify(self):
        if self._tls and self._open:
            with contextlib.suppress(ssl.SSLError, OSError):
                self._tls.unwrap()
            self.outgoing += self._sealing.read()

    def _flush(self):
        with self.changed:
            try:
                while self.outgoing:
                    del self.outgoing[:self.sock.send(self.outgoing)]
            except BlockingIOError:
                pass
            except OSError:
                self.outgoing.clear()
            self.changed.notify_all()

    def _shut(self):
        self._open = False
        self.sock.close()

    def stop(self):
        self.greeted.set()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        done = threading.Event()
        self._jobs.append((None, [], done))
        os.write(self._waker, b"x")
        self.thread.join(PATIENCE)
        self.sock.close()
        os.close(self._wake)
        os.close(self._waker)


class Peer:
    """Listens for the program's connections and commands. Use as a context."""

    def __init__(self, certificate=None, starttls=False):
        self.context = None
        self.starttls = starttls
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.pem, certificate.key)
            self.context.num_tickets = 1
        self.sessions = []
        self.errors = []
        self._held = False
        self._changed = threading.Condition()
        self._listeners = _both_families()
        self.port = self._listeners[0].getsockname()[1]
        self._refusing = loopback.refusing_port()
        self._slow, self._filler = loopback.full_listener()
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control_name = f"retrotls-twin/{secrets.token_hex(8)}"
        self._control.bind("\0" + self.control_name)
        self._control.listen(64)
        self._threads = []
        for listener in self._listeners:
            self._start(self._accept, listener)
        self._start(self._accept_commands)

    def environment(self):
        return {"TWIN_PORT": str(self.port), "TWIN_REFUSING": str(self._refusing.getsockname()[1]),
                "TWIN_SLOW": str(self._slow_port), "TWIN_CONTROL": self.control_name}

    @property
    def ports(self):
        """All of its ports. On each it speaks TLS from the first byte, or after STLS."""
        return self.port, self._refusing.getsockname()[1], self._slow_port

    def __enter__(self):
        self._slow_port = self._slow.getsockname()[1]
        return self

    def __exit__(self, *_):
        for listener in (*self._listeners, self._control, self._slow):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in (self._filler, self._refusing):
            sock.close()
        for session in self.sessions:
            session.stop()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener):
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                return
            with self._changed:
                session = Session(sock, self.context, self._held, self.starttls)
                session.address = f"{address[0].removeprefix('::ffff:')} {address[1]}"
                self.sessions.append(session)
                self._changed.notify_all()

    def _accept_commands(self):
        while True:
            try:
                sock, _ = self._control.accept()
            except OSError:
                return
            self._start(self._command, sock)

    def _command(self, sock):
        with sock:
            try:
                words = sock.recv(4096).decode()
                answer = self._obey(words)
            except Exception as error:  # pylint: disable=broad-except # reported to the program and the test
                self.errors.append(f"{words}: {error!r}")
                answer = f"error: {error}"
            with contextlib.suppress(OSError):
                sock.send(answer.encode())

    def _obey(self, words):
        number = -1
        if words.startswith("@"):
            first, words = words.split(" ", 1)
            number = int(first[1:])
        verb, _, rest = words.partition(" ")
        if verb == "hold":
            self._held = True
            return "ok"
        if verb == "accepted":
            self._wait_sessions(int(rest))
            return "ok"
        if verb == "slow":
            return self._decide(rest)
        self._wait_sessions(number + 1 if number >= 0 else 1)
        return _session_command(self.sessions[number], verb, rest)

    def _wait_sessions(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sessions) >= count, PATIENCE), \
                f"{len(self.sessions)} of {count} connections came"

    def _decide(self, what):
        if what == "open":
            self._slow.accept()[0].close()
            self._start(self._accept, self._slow)
        else:
            assert what == "refuse"
            bound = socket.socket()  # so that nobody else gets the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(self._slow.getsockname())
            self._slow.shutdown(socket.SHUT_RDWR)  # a process that is just starting may hold a duplicate
            self._slow.close()
            self._slow = bound
        self._filler.close()
        return "ok"


def _session_command(session, verb, rest):
    jobs = {
        "send": lambda: session.send_pattern(int(rest)),
        "say": lambda: session.send(rest.encode() + b"\r\n"),
        "stop": lambda: session.set("reading", False),
        "go": lambda: session.set("reading", True),
        "echo": session.start_echo,
        "half": session.half,
        "close": session.close,
        "reset": session.reset,
        "oob": session.out_of_band,
        "mss": lambda: str(session.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)),
    }
    if verb in jobs:
        return session.do(jobs[verb])
    if verb == "greet":
        session.greeted.set()
        return "ok"
    if verb == "address":
        return session.address
    if verb == "sent":
        session.wait(lambda: not session.outgoing)
        return "ok"
    if verb == "end":
        session.wait(lambda: session.end)
        return session.end
    assert verb == "expect", f"unknown command {verb}"
    count = int(rest)
    session.wait(lambda: len(session.received) >= count or session.end)
    got = bytes(session.received)
    if len(got) != count:
        return f"{len(got)} bytes instead of {count}"
    if got and got == pattern(0, count):
        return f"{count} bytes, as the pattern"
    return f"{count} bytes: {got[:200].decode('latin-1').encode('unicode_escape').decode()}"


def _both_families():
    """Two listeners with one port number, on 127.0.0.1 and ::1."""
    for _ in range(100):
        six = socket.socket(socket.AF_INET6)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.bind(("::1", 0))
        try:
            four = loopback.listen("127.0.0.1", six.getsockname()[1])
        except OSError:
            six.close()
            continue
        six.listen(128)
        return four, six
    raise RuntimeError("no port is free on both loopback addresses")

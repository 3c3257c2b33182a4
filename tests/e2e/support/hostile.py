"""A mail server that does what a scenario says. A scenario is a function that takes the connection and reads like a
dialogue:

    def scenario(s):
        s.send(b"220 mail.example.org ESMTP\\r\\n")
        s.expect(rb"EHLO \\S+")
        s.send(b"250-mail.example.org\\r\\n250 STARTTLS\\r\\n")
        s.expect(rb"STARTTLS")
        s.send(b"220 go ahead\\r\\n", b"250 injected\\r\\n")
        s.tls(certs.case("good"))

    with Hostile(scenario) as server: ... connect to server.address ...

It runs once for each connection, in a thread. If the client goes away, the scenario ends there (Gone); that is no error.
If the client says something unexpected, that is an error, and leaving the context raises it."""
import contextlib
import os
import re
import socket
import ssl
import struct
import threading
import time

from . import loopback

PATIENCE = 60  # seconds a scenario waits for a client; tests end long before


class Gone(Exception):
    """The client closed, reset, or refused the handshake."""


class Unexpected(AssertionError):
    """The client said something that the scenario does not expect."""


class Connection:
    """The server's side of one connection."""

    # `retrotls check` tries a server that has not greeted after a second for TLS. For its tests, where a loaded machine may
    # make us late: such a connection ends without an error.
    may_be_tried_for_tls = False

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = None  # the bare socket once TLS is on
        self.buffer = b""
        self.clear = b""  # what the client sent outside TLS, as far as the scenario read it
        self.over_tls = b""  # what the program sent inside TLS
        self.question = None  # the protocol whose first question inside TLS, the relay's own, we answer and keep apart
        self.questions = b""
        self.refusal = None  # why the handshake failed
        self.encrypted = False

    # What a scenario says.

    def send(self, *pieces):
        """Sends the pieces in one segment."""
        with _gone():
            self.socket.sendall(b"".join(pieces))

    def split(self, *pieces, pause=0.05):
        """Sends each piece in its own segment."""
        for piece in pieces:
            self.send(piece)
            time.sleep(pause)

    def drip(self, data, pause=0.005):
        """Sends one byte at a time."""
        self.split(*(data[i:i + 1] for i in range(len(data))), pause=pause)

    def flood(self, piece, seconds=PATIENCE):
        """Sends `piece` again and again until the client goes away."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.send(piece * max(1, 65536 // len(piece)))
        raise Unexpected(f"the client took {seconds} s of {piece[:40]!r}")

    def line(self):
        """The client's next line, without its line end. Answers the relay's own question first, if it asks one."""
        line = self._line()
        protocol, question = self.question, self.question and self.question.question
        if self.encrypted and protocol:
            self.question = False
            if question and re.fullmatch(question, line):
                self.questions += line + b"\r\n"
                self.over_tls = self.over_tls.replace(line + b"\r\n", b"", 1)
                self.send(protocol.offers_not.replace(b"{tag}", line.split(b" ")[0]))
                return self._line()
        return line

    def _line(self):
        while b"\n" not in self.buffer:
            self._receive()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def expect(self, pattern):
        """Reads a line that must match; returns the match."""
        line = self.line()
        match = re.fullmatch(pattern, line, re.IGNORECASE)
        if not match:
            raise Unexpected(f"expected {pattern!r}, the client said {line!r}")
        return match

    def tls(self, certificate, minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.MAXIMUM_SUPPORTED,
            ciphers=None):
        """Does the handshake. The client must have sent nothing in clear after its last command."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
        context.minimum_version, context.maximum_version = minimum, maximum
        if certificate:
            context.load_cert_chain(certificate.pem, certificate.key)
        assert not self.buffer, f"the client sent {self.buffer!r} in clear behind its command"
        self.raw = socket.socket(fileno=os.dup(self.socket.fileno()))
        self.raw.settimeout(PATIENCE)
        try:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.refusal = str(error)
            raise Gone(f"handshake: {error}") from error
        self.encrypted = True

    def rest(self):
        """Everything that the client sends until it closes."""
        with contextlib.suppress(Gone):
            while True:
                self._receive()
        rest, self.buffer = self.buffer, b""
        return rest

    def silence(self):
        """Says nothing until the client goes away."""
        self.rest()
        raise Gone("after silence")

    def shut(self):
        """Ends our direction, with close_notify if TLS is on."""
        if self.encrypted and self.socket.gettimeout() == 0:
            self._say_close_notify()
        elif self.encrypted:
            with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                self.socket.unwrap()
        else:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def _say_close_notify(self):
        """Sends close_notify without reading. unwrap() calls SSL_shutdown(3) twice, and the second call fails if data comes
        at that moment. So we let it write to a socketpair, where no data comes, and pass on what it wrote."""
        number, (near, far) = self.socket.fileno(), socket.socketpair()
        near.setblocking(False)
        with near, far, socket.socket(fileno=os.dup(number)) as server:
            os.dup2(near.fileno(), number)
            try:
                with contextlib.suppress(ssl.SSLWantReadError):
                    self.socket.unwrap()
            finally:
                os.dup2(server.fileno(), number)
            server.settimeout(60)
            server.sendall(far.recv(4096))
            server.setblocking(False)

    def close(self):
        """Ends the TCP connection, without close_notify even if TLS is on."""
        for sock in (self.socket, self.raw):
            if sock:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()

    def reset(self):
        for sock in (self.socket, self.raw):
            if sock:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()

    def _receive(self):
        with _gone():
            data = self.socket.recv(65536)
        if not data:
            raise Gone("end of stream")
        if self.may_be_tried_for_tls and not self.encrypted and not self.clear and data.startswith(b"\x16\x03"):
            raise Gone("tried for TLS")
        if self.encrypted:
            self.over_tls += data
        else:
            self.clear += data
        self.buffer += data


@contextlib.contextmanager
def _gone():
    try:
        yield
    except socket.timeout:
        raise Unexpected(f"nothing happened for {PATIENCE} s") from None
    except (OSError, ssl.SSLError, ValueError) as error:
        raise Gone(str(error)) from error


def handshake_with_both_certificates(s, certificate):
    """Instead of Connection.tls(): the client, too, must send a certificate signed by the tests' root."""
    from . import certs
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem, certificate.key)
    context.load_verify_locations(certs.authority().pem)
    context.verify_mode = ssl.CERT_REQUIRED
    s.raw = socket.socket(fileno=os.dup(s.socket.fileno()))
    s.socket = context.wrap_socket(s.socket, server_side=True)
    s.encrypted = True


class Hostile:
    """Listens and plays `scenario` to each client. Use as a context."""

    def __init__(self, scenario, host="127.0.0.1", port=0):
        self.scenario = scenario
        self.listener = loopback.listen(host, port)
        self.address = self.listener.getsockname()[:2]
        self.connections = []
        self.errors = []
        self._threads = []
        self._begun = threading.Lock()  # held until a new thread is in _threads
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self):
        return self.address[1]

    @property
    def clear(self):
        """What all clients said outside TLS, as far as the scenario read it."""
        return b"".join(c.clear for c in self.connections)

    @property
    def over_tls(self):
        return b"".join(c.over_tls for c in self.connections)

    @property
    def questions(self):
        return b"".join(c.questions for c in self.connections)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._acceptor.join(10)
        if kind:
            for connection in self.connections:
                connection.close()
        for thread in self._threads:
            thread.join(PATIENCE + 10)
        if not kind and self.errors:
            raise self.errors[0]

    def wait_done(self, timeout=PATIENCE):
        """Waits for all scenarios that have begun."""
        with self._begun:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout)
            assert not thread.is_alive(), "a scenario has not ended"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            thread = threading.Thread(target=self._play, args=(connection,), daemon=True)
            with self._begun:
                self.connections.append(connection)
                thread.start()
                self._threads.append(thread)

    def _play(self, connection):
        try:
            self.scenario(connection)
        except Gone:
            pass
        except BaseException as error:  # raised later in the test's own thread
            self.errors.append(error)
        finally:
            connection.close()

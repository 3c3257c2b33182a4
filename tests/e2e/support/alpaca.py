"""An attacker on the path who speaks the part before TLS himself, then redirects the TLS connection to another service of
the same host, with the same certificate (ALPACA, USENIX Security 2021). We record what reaches that service."""
import contextlib
import http.server
import select
import socket
import ssl
import threading

from . import certs, protocols

FTP_GREETING = b"220 ProFTPD Server (Debian) [127.0.0.1]\r\n"
_FTP = {b"NOOP": b"200 NOOP command successful\r\n", b"HELP": b"214 Direct comments to root@localhost\r\n",
        b"QUIT": b"221 Goodbye.\r\n", b"USER": b"331 Password required for test\r\n",
        b"PASS": b"530 Login incorrect.\r\n", b"MODE": b"530 Please login with USER and PASS\r\n"}


class Https:
    """Python's own HTTP server, over TLS. Use as a context."""

    def __init__(self):
        self.heard = heard = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def parse_request(self):
                heard.append(self.raw_requestline)
                return super().parse_request()

            def log_message(self, *_):
                pass
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = self._server.server_address
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = certs.case("good")
        context.load_cert_chain(certificate.pem, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def _until_tls(s, protocol):
    protocols.greet(s, protocol)
    s.send(protocols.tagged(protocol.yes, protocols.until_starttls(s, protocol)))
    assert not s.buffer


def _splice(near, far, heard=None):
    """Moves bytes both ways until one side ends; keeps what goes to `far` in `heard`."""
    with contextlib.suppress(OSError, ssl.SSLError):
        while True:
            ready = [near] if getattr(near, "pending", int)() else select.select([near, far], [], [], 60)[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                if source is near and heard is not None:
                    heard.append(data)
                (far if source is near else near).sendall(data)


def spliced(protocol, address, implicit):
    """A scenario: redirects the connection to the service at `address` once TLS begins. TLS ends at that service: nobody on
    the path can look into it."""
    def scenario(s):
        if not implicit:
            _until_tls(s, protocol)
        with socket.create_connection(address) as far:
            _splice(s.socket, far)
    return scenario


def led_to_server(protocol, address, implicit, heard):
    """A scenario: the same for a real server, but TLS ends here, so that we can record what it hears. Without `implicit`, we
    read its greeting first, as if it too had started TLS by STARTTLS."""
    def scenario(s):
        if not implicit:
            _until_tls(s, protocol)
        s.tls(certs.case("good"))
        with socket.create_connection(address) as far:
            if not implicit:
                with far.makefile("rb", buffering=0) as lines:
                    while lines.readline().startswith(b'"'):  # ManageSieve's has several lines
                        pass
            _splice(s.socket, far, heard)
    return scenario


def led_to_ftp(protocol, implicit, heard):
    """A scenario: an FTP server answers inside TLS."""
    def scenario(s):
        if not implicit:
            _until_tls(s, protocol)
        s.tls(certs.case("good"))
        if implicit:
            s.send(FTP_GREETING)
        try:
            while True:
                word = s.line().split(b" ")[0].upper()
                s.send(_FTP.get(word, b"500 " + word + b" not understood\r\n"))
        finally:
            heard.append(s.over_tls)
    return scenario

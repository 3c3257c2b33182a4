"""A path to a server that answers late, so that a blocking connect() has to wait."""
import contextlib
import socket
import threading

from . import loopback
from .wait import wait_for

SYN_SENT = "02"  # /proc/net/tcp


class SlowPath:
    """Listens with a full queue, so that Linux drops further SYNs, until open(). From then on, forwards each connection to
    `target`. Linux repeats a SYN after a second. Use as a context."""

    def __init__(self, target):
        self.target = target
        self.listener, self.filler = loopback.full_listener()
        self.address = self.listener.getsockname()
        self.threads = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for thread in list(self.threads):
            thread.join()
        for each in (self.listener, self.filler):
            each.close()

    def is_wanted(self):
        """True if somebody waits for an answer."""
        host, port = self.address
        wanted = f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            waiting = [line.split() for line in table]
        return any(line[2] == wanted and line[3] == SYN_SENT for line in waiting[1:])

    def open(self):
        self._start(self._accept)

    def open_when_wanted(self, process):
        """Opens once somebody waits, or once the process has ended."""
        wait_for(lambda: self.is_wanted() or process.poll() is not None, "connect() to wait")
        self.open()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        own = self.filler.getsockname()[1]
        while True:
            try:
                accepted, (_, port) = self.listener.accept()
            except OSError:
                return
            if port == own:
                accepted.close()
                continue
            server = socket.create_connection(self.target)
            self._start(self._copy, accepted, server)
            self._start(self._copy, server, accepted)

    @staticmethod
    def _copy(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)

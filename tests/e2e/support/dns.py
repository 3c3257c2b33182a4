"""A DNS server that the test controls, and a root in which programs ask it.

    with Server({"mail.example": ["127.0.0.1"], "www.example": [">mail.example"]}) as dns: ...

A name's list may have addresses, `>name` for an alias, and `@name` for a mail exchanger. A name that is not in the table
does not exist; one whose value is a function is answered with what that makes of the question (bytes), or not at all."""
import contextlib
import shutil
import socket
import struct
import threading

import pytest

from . import loopback, namespaces

A, CNAME, PTR, MX, AAAA = 1, 5, 12, 15, 28
PORT = 53


def possible():
    try:
        loopback.listen(loopback.own_address(), PORT).close()
    except OSError:
        return False
    return namespaces.possible("mount") and shutil.which("unshare") is not None


needed = pytest.mark.skipif(not possible(), reason="takes port 53, and mounts a resolv.conf of its own: run the tests as root")


def packed(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def record(owner, kind, data, group=1):
    """`group` is the class, 1 for the Internet's."""
    return owner + struct.pack("!HHIH", kind, group, 60, len(data)) + data


class Question:
    """What was asked, and how."""

    def __init__(self, message, stream):
        self.message, self.stream = message, stream
        at, labels = 12, []
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        self.name = ".".join(labels).lower()
        self.kind, = struct.unpack_from("!H", message, at + 1)
        self.section = message[12:at + 5]

    def answer(self, *records, code=0, cut=False):
        """A message with these records. The question's name is at offset 12, for records to point to."""
        return (self.message[:2] + struct.pack("!HHHHH", 0x8180 | code | (0x0200 if cut else 0), 1, len(records), 0, 0)
                + self.section + b"".join(records))


class Server:
    def __init__(self, table, silent=False, datagrams=True):
        """`silent`: takes questions and never answers. Without `datagrams`, UDP is refused."""
        self.table = {name.lower(): value for name, value in table.items()}
        self.silent = silent
        self.asked = []  # (name, type, whether over TCP)
        self.address = loopback.own_address()
        self.listener = loopback.listen(self.address, PORT)
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        if datagrams:
            self.socket.bind((self.address, PORT))
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._datagrams, self._streams)[not datagrams:]]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for each in (self.listener, self.socket):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def names(self):
        return [name for name, _, _ in self.asked]

    def _records(self, question, name, owner=b"\xc0\x0c"):
        """The records for a name, with those of its alias behind it."""
        records = []
        for word in self.table.get(name, []):
            if word.startswith(">"):
                records += [record(owner, CNAME, packed(word[1:])),
                            *self._records(question, word[1:].lower(), packed(word[1:]))]
            elif word.startswith("@"):
                if question.kind == MX:
                    records.append(record(owner, MX, b"\0\1" + packed(word[1:])))
            elif question.kind == (AAAA if ":" in word else A):
                family = socket.AF_INET6 if ":" in word else socket.AF_INET
                records.append(record(owner, question.kind, socket.inet_pton(family, word)))
        return records

    def _reply(self, message, stream):
        question = Question(message, stream)
        self.asked.append((question.name, question.kind, stream))
        if self.silent:
            return None
        entry = self.table.get(question.name)
        if callable(entry):
            return entry(question)
        if entry is None:
            return question.answer(code=3)
        return question.answer(*self._records(question, question.name))

    def _datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                message, client = self.socket.recvfrom(65536)
                if len(message) < 17:
                    continue  # no question
                reply = self._reply(message, False)
                for each in reply if isinstance(reply, list) else [reply]:
                    if each:
                        self.socket.sendto(each, client)

    def _streams(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection):
        with connection, connection.makefile("rb") as file, contextlib.suppress(OSError):
            while len(head := file.read(2)) == 2:
                reply = self._reply(file.read(struct.unpack("!H", head)[0]), True)
                if reply:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)


def inside(folder, servers, words, search=None, hosts="127.0.0.1 localhost\n", options=""):
    """The words that run a command where /etc/resolv.conf and /etc/hosts say so."""
    resolv, table = folder / "resolv.conf", folder / "hosts"
    resolv.write_text("".join(f"nameserver {server}\n" for server in servers) + (f"search {search}\n" if search else "") + options)
    table.write_text(hosts)
    for file in (resolv, table):
        file.chmod(0o644)
    return [*namespaces.command("mount"), "sh", "-c",
            'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"', "sh",
            str(resolv), str(table), *map(str, words)]

"""How a program uses its connection: which calls look the name up, connect, read, write and wait. As strace(1) sees them,
and programs/spy.c, which sees what is no system call."""
import re
import subprocess

from .. import i386
from ..shim import BUILD, PROGRAMS, ROOT

_COMPILERS = {BUILD / "lib32": ["gcc", *i386.GCC_FLAGS], BUILD / "musl": ["musl-gcc"]}
_READS = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg"}
_WRITES = {"write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile", "splice"}
_WAITS = {"poll": "poll", "ppoll": "poll", "select": "select", "_newselect": "select", "pselect6": "select",
          "epoll_ctl": "epoll"}
_LIBC = {"recvfrom": "recv", "sendto": "send"}  # what libc calls it
COLUMNS = ("lookup", "connect", "reads", "writes", "waits")


class Style:
    """Measures one session without the shim: start the program with `words()` and `environment()`, then ask `seen()`."""

    def __init__(self, session):
        self.session = session
        self.trace, self.calls = session.folder / "trace", session.folder / "calls"
        self.calls.touch()
        self.calls.chmod(0o666)  # some programs are another user by then

    def _spy(self):
        compiler = _COMPILERS.get(self.session.shim.library.parent)
        if not compiler:
            return PROGRAMS / "spy.so"
        spy = self.session.folder / "spy.so"
        subprocess.run([*compiler, "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-o", spy,
                        ROOT / "tests/e2e/programs/spy.c"], check=True)
        return spy

    def words(self, words):
        preload = ":".join([str(self._spy()), *([str(PROGRAMS / "resolver.so")] if self.session.shim.hosts else [])])
        return ["strace", "-f", "-yy", "-qq", "-o", str(self.trace), "-E", f"LD_PRELOAD={preload}",
                "-E", f"RETROTLS_TEST_SPY={self.calls}", *words]

    def seen(self):
        """{column: [what, ...]}"""
        found = {column: [] for column in COLUMNS}

        def add(column, what):
            if what not in found[column]:
                found[column].append(what)
        spied = self.calls.read_text().split()
        for call in spied:
            add("lookup" if call != "fdopen" else "waits", call)
        found["waits"].clear()
        stdio = " (stdio)" if "fdopen" in spied else ""
        end, connecting, executed = f":{self.session.port}]>", {}, set()
        sockets = set()  # as strace shows them, `<TCP:[...]>`: a bound one keeps its name when it is connected
        for line in self.trace.read_text(errors="replace").splitlines():
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)", line)
            if not match:
                continue
            pid, call, rest = match.groups()
            first = rest.split(", ")[0].rstrip(")")
            ours = first.endswith(end) and "->" in first or first[first.find("<"):] in sockets
            if call == "connect" and (f"htons({self.session.port})" in rest or pid in connecting):
                sockets.update(re.findall(r"^\d+(<TCP.*>)$", first))
                mapped = connecting.get(pid, "") or (" (IPv4-mapped)" if "::ffff:" in rest else "")
                connecting[pid] = mapped
                if "= " in rest:
                    add("connect", ("nonblocking" if "EINPROGRESS" in rest else "blocking") + mapped)
                    del connecting[pid]
            elif call == "execve" and found["connect"]:
                executed.add(pid)
            elif call in _WAITS and (end in rest and "->" in rest or any(socket in rest for socket in sockets)):
                add("waits", _WAITS[call])
            elif ours and call in _READS | _WRITES:
                flags = [flag for flag in ("MSG_PEEK", "MSG_NOSIGNAL") if flag in rest]
                child = " in a program that it starts" if pid in executed else stdio
                add("reads" if call in _READS else "writes", " ".join([_LIBC.get(call, call), *flags]) + child)
        return found

"""What all real servers have in common: a folder, an address, a process, readiness, an end."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from ..loopback import own_address
from ..wait import wait_for

ROOT = Path(__file__).resolve().parents[4]
UNPACKED = Path(os.environ.get("RETROTLS_SERVERS", ROOT / "build" / "servers"))


def user_for(name):
    """The user that a server runs as: as root one that Debian always has, else oneself."""
    import pwd
    return pwd.getpwnam(name) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


class Server:
    """A server process in the foreground. Subclasses set `ports` and write `configure()`.

    `configure()` fills the folder and returns the command line and its environment."""

    ports = {}  # protocol: port
    stop_signal = signal.SIGTERM

    def __init__(self, certificate):
        self.certificate = certificate
        self.address = own_address()
        self.folder = Path(tempfile.mkdtemp(prefix=f"retrotls-{type(self).__name__.lower()}-"))
        self.folder.chmod(0o755)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def at(self, protocol):
        """(address, port) of a protocol."""
        return self.address, self.ports[protocol]

    def start(self):
        command, environment = self.configure()
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", **environment})
        for protocol in self.ports:
            wait_for(lambda: self._greets(protocol),
                     lambda: f"{type(self).__name__} to greet on {protocol}\n{self.logs()}", timeout=60)

    def _greets(self, protocol):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.process.args} ended with {self.process.returncode}:\n{self.logs()}")
        with contextlib.suppress(OSError), socket.create_connection(self.at(protocol), timeout=10) as server:
            return server.recv(1) != b""
        return False

    def logs(self):
        """All that the server wrote about itself, for a failure's message."""
        files = [self.folder / "output", *sorted((self.folder / "log").rglob("*"))]
        return "\n".join(f"== {f}\n{f.read_text(errors='replace')[-4000:]}" for f in files if f.is_file())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        if self.process:
            with contextlib.suppress(ProcessLookupError):  # what it left behind in its process group
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def private_key(self, user):
        """A copy of the certificate's key that `user` alone may read."""
        key = self.folder / "server.key"
        key.touch(0o600)
        key.write_bytes(Path(self.certificate.key).read_bytes())
        if os.geteuid() == 0:
            os.chown(key, user.pw_uid, user.pw_gid)
        return key

    def own(self, path, user):
        """Makes `path` and all in it the user's."""
        path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            for each in [path, *path.rglob("*")]:
                os.chown(each, user.pw_uid, user.pw_gid)

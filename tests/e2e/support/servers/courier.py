"""courier's IMAP and POP3 servers, run from where they were unpacked. The path of the socket at which
they check passwords is compiled in (/run/courier), so they run in a mount namespace where that is the test's own."""
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

from .. import namespaces
from .dovecot import message
from .server import UNPACKED, Server, user_for

TEXT = "the cat sat on the mat"

_SETTINGS = {
    "IMAP_CAPABILITY": "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE",
    "IMAP_CAPABILITY_TLS": "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE AUTH=PLAIN",
    "IMAP_STARTTLS": "YES", "IMAP_TLS_REQUIRED": "0", "IMAP_UMASK": "022", "IMAP_USELOCKS": "0",
    "IMAP_ENHANCEDIDLE": "0", "IMAP_IDLE_TIMEOUT": "60", "IMAP_KEYWORDS": "1",
    "POP3_STARTTLS": "YES", "POP3_TLS_REQUIRED": "0", "POP3AUTH": "", "POP3AUTH_TLS": "PLAIN",
    "TLS_VERIFYPEER": "NONE", "AUTHMODULES": "authdaemon",
}


def is_possible():
    return namespaces.possible("mount", "pid")


class Courier(Server):
    """One user `test`, whose password is `secret`, with one message."""

    ports = {"imap": 10143, "pop3": 10110}
    stop_signal = signal.SIGKILL  # unshare(1) ignores SIGTERM; the namespace's first process dies with it

    @staticmethod
    def _without_ident(tree):
        """Later versions ask no identd(8), and know no option for it."""
        knows = b"noidentlookup" in Path(f"{tree}/usr/sbin/couriertcpd").read_bytes()
        return " -noidentlookup" if knows else ""

    def configure(self):
        user = user_for("mail")
        tree = self.folder / "courier"
        subprocess.run(["cp", "-a", UNPACKED / "courier", tree], check=True)
        for folder in ("Maildir/cur", "Maildir/new", "Maildir/tmp", "run/courier/authdaemon", "log"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "Maildir/cur/1.retrotls:2,").write_bytes(message("hello", TEXT).replace(b"\r\n", b"\n"))
        self.own(self.folder / "Maildir", user)
        self.owner = user.pw_uid, user.pw_gid
        pem = self.folder / "server.pem"
        pem.write_bytes(b"".join(Path(file).read_bytes() for file in (self.certificate.key, self.certificate.pem)))
        pem.chmod(0o600)
        os.chown(pem, *self.owner)
        uid, gid = self.owner
        for file, line in ("passwd", f"courier:x:{uid}:{gid}::/:/bin/false\n"), ("group", f"courier:x:{gid}:\n"):
            (self.folder / file).write_text(Path("/etc", file).read_text() + line)  # couriertls looks this user up
        self._answer_passwords()
        lib, bin = tree / "usr/lib/courier/courier", tree / "usr/bin"
        tcpd = f"{tree}/usr/sbin/couriertcpd -address={self.address} -nodnslookup{self._without_ident(tree)}"
        script = f"""
set -e
mount --bind {self.folder}/run /run
for file in passwd group; do
    mount --bind {self.folder}/$file /etc/$file
done
{tcpd} {self.ports['pop3']} {lib}/courierpop3login {lib}/courierpop3d Maildir &
exec {tcpd} {self.ports['imap']} {lib}/imaplogin {bin}/imapd Maildir
"""
        environment = {**_SETTINGS, "COURIERTLS": str(bin / "couriertls"), "TLS_CERTFILE": str(pem),
                       "LD_LIBRARY_PATH": f"{tree}/usr/lib:{tree}/usr/lib/x86_64-linux-gnu",
                       "MAILDIRPATH": "Maildir"}
        # Its two daemons leave the process group: a PID namespace of their own ends them all together.
        return [*namespaces.command("mount", "pid"), "--fork", "--kill-child", "sh", "-c", script], environment

    def _answer_passwords(self):
        """What authdaemond does: a request is `AUTH length`, a line end, service, `login`, user, password."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / "run/courier/authdaemon/socket"))
        listener.listen(64)
        os.chmod(self.folder / "run/courier/authdaemon/socket", 0o777)
        self._listener = listener

        def serve():
            while True:
                try:
                    asker, _ = listener.accept()
                except OSError:
                    return
                with asker, asker.makefile("rwb") as stream:
                    request = stream.readline().split()
                    while request and request[0] != b"AUTH":  # the client's address and the like go before it
                        request = stream.readline().split()
                    words = stream.read(int(request[1])).split(b"\n") if request[:1] == [b"AUTH"] else []
                    good = words[2:4] == [b"test", b"secret"]
                    uid, gid = self.owner
                    stream.write(f"UID={uid}\nGID={gid}\nHOME={self.folder}\nADDRESS=test\nMAILDIR=Maildir\n.\n".encode()
                                 if good else b"FAIL\n")
        threading.Thread(target=serve, daemon=True).start()

    def stop(self):
        if hasattr(self, "_listener"):
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        super().stop()

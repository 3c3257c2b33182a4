"""Programs with more rights than their user. If /etc/ld.so.preload loads the library into every program, the user's
environment must not decide what a setuid program trusts and where it writes. Only /etc/retrotls/policy does."""
import os
import shutil

import pytest
from support import certs, own_root
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP
from support.shim import PROGRAMS, PYTHON
from support.tap import Tap

pytestmark = [pytest.mark.root,
              pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a program setuid to another user; that no file "
                                 "of the user's is among the policy's then is a unit test of its own")]
ADA = 54321  # not root; has a home


@pytest.mark.parametrize("libc", [[], [PROGRAMS / "old_libc.so"]], ids=["", "old-libc"])
@pytest.mark.parametrize("setuid", [False, True], ids=["without", "with"])
def test_environment_of_the_user_counts_for_nothing_in_a_setuid_program(shim, setuid, libc):
    """The user's policy allows plaintext, and his environment names a log file. They count only without the setuid bit.
    A libc without getauxval(3) does not report the bit, but the kernel does."""
    shim.private_build()
    shim.folder.chmod(0o777)
    program = shim.folder / "program"
    shutil.copy(PROGRAMS / "careless", program)
    program.chmod(0o4755 if setuid else 0o755)
    (shim.folder / "home/.config/retrotls").mkdir(parents=True)
    with Hostile((honest if setuid else plaintext_only)(IMAP)) as server, Tap(server.address) as tap:
        for policy in shim.policy_file, shim.folder / "home/.config/retrotls/policy":
            policy.write_text(f"match port {tap.port}\n    level none\n")
            os.chown(policy, ADA, ADA)
            policy.chmod(0o644)
        system = (f"match port {tap.port}\n    protocol imap\n    name localhost\n    ca-file {certs.authority().pem}\n"
                  f"    log {shim.folder}/system.log\n")
        etc = shim.folder / "etc"
        etc.mkdir()
        result = shim.run(*own_root.with_ld_so_preload(etc, "\n".join(map(str, [shim.library, *libc])), system),
                          "sh", "-c", 'echo "ada:x:$1:$1::$HOME:/bin/sh" >> /etc/passwd && shift && exec "$@"', "sh", ADA,
                          "setpriv", f"--reuid={ADA}", f"--regid={ADA}", "--clear-groups",
                          program, "localhost", tap.port, stdin=IMAP.words, preload=False,
                          env={"HOME": str(shim.folder / "home"), "RETROTLS_SANDBOX": "off"})
        tap.wait_closed()
        server.wait_done()
    log = shim.folder / "system.log"
    if setuid:
        tap.never_saw(b"secret")
        assert server.over_tls == IMAP.words and "result=tls" in log.read_text(), result.show()
        assert "RETROTLS_SANDBOX" not in log.read_text() and not shim.log_file.exists()
    else:
        assert tap.up == IMAP.words and not log.exists(), result.show()


GOES_ELSEWHERE = """
import ctypes, encodings.idna, os, socket, sys
os.chdir(sys.argv[2])
if sys.argv[3] == "chroot":
    os.chroot(".")
elif ctypes.CDLL(None).syscall(161, b"."):
    sys.exit("chroot")
s = socket.socket()
try:
    s.connect(("127.0.0.1", int(sys.argv[1])))
except OSError as e:
    sys.exit(f"connect: {e.strerror}")
s.recv(100)
s.sendall(b"a LOGIN test S3cret-Passw0rd\\r\\n")
"""


@pytest.mark.parametrize("how", ["chroot", "system call"])
def test_policy_of_the_machine_is_not_lost_by_going_to_another_root(shim, how):
    """The program connects only after chroot(2), where it cannot see the machine's policy. The built-in policy would let the
    connection through. The library sees the call of libc only, and reads the policy before."""
    (shim.folder / "etc").mkdir()
    (shim.folder / "root").mkdir()
    with Hostile(plaintext_only(IMAP)) as server, Tap(server.address) as tap:
        result = shim.run(*own_root.with_ld_so_preload(shim.folder / "etc", shim.library, f"match port {tap.port}\n protocol imap\n"),
                          "env", "-u", "RETROTLS_POLICY", "RETROTLS_LOG=stderr", PYTHON, "-c", GOES_ELSEWHERE, tap.port,
                          shim.folder / "root", how, preload=False)
    tap.never_saw(b"S3cret-Passw0rd")
    if how == "chroot":
        assert b"TLS not offered by 127.0.0.1" in result.err and tap.up.endswith(b" CAPABILITY\r\n"), result.show()
    else:
        assert result.err.endswith(b"connect: Network is unreachable\n") and tap.up == b"", result.show()

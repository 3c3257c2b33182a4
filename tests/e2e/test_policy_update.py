"""A long-lived program takes up a new policy for its new connections, and keeps the old one if the new one is no good."""
import contextlib
import os
import time

import pytest
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON
from support.wait import wait_for

# Connects for each line that it reads, and says what it was greeted with.
PROGRAM = """
import ctypes, encodings.idna, os, socket, sys
for line in sys.stdin:
    if line.strip() != "connect":
        os.chdir(line.strip())
        ctypes.CDLL(None).syscall(161, b".") if "raw" in line else os.chroot(".")
        os.chdir("/")
        print("there", flush=True)
        continue
    s = socket.socket()
    try:
        s.connect((sys.argv[1], int(sys.argv[2])))
        print(s.recv(1000).split(b"\\r\\n")[0].decode(), flush=True)
    except OSError as e:
        print(e.strerror, flush=True)
    s.close()
"""
ADA = 4242  # a user id that nobody has
REFUSED = "the old one stays in force"


class Program:
    def __init__(self, shim, server, code=PROGRAM, *starter, **options):
        self.process = shim.popen(*starter, PYTHON, "-c", code, *server.address, stdin=-1, **options)

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def connect(self):
        return self.say("connect")


@pytest.fixture
def server():
    with Hostile(honest(IMAP, certs.case("good"))) as server:
        yield server


@pytest.fixture
def program(shim, server):
    """One that runs under a policy which fails every connection in words that show which version it is."""
    put(shim, server, "first")
    program = Program(shim, server)
    yield program
    shim.finish(program.process)


def text(server, version):
    """Each version wants another server's name, which the failure greeting shows."""
    return f"match port {server.port}\n    protocol imap\n    ca-file {certs.authority().pem}\n    name {version}.example\n"


def put(shim, server, version, path=None):
    """As an editor does: a whole new file takes the old one's place."""
    path = path or shim.policy_file
    fresh = path.with_suffix(".new")
    fresh.write_text(version if "\n" in version else text(server, version))
    fresh.chmod(0o644)
    fresh.rename(path)


def is_in_force(program, version):
    return f"{version}.example" in program.connect()


def test_new_policy_is_in_force_for_new_connections(shim, server, program):
    assert is_in_force(program, "first")
    put(shim, server, "second")
    wait_for(lambda: is_in_force(program, "second"), "the second policy")
    put(shim, server, "third")
    wait_for(lambda: is_in_force(program, "third"), "the third policy")
    assert REFUSED not in shim.log()


@pytest.mark.parametrize("before", ["level none\n", "match port 1\n    protocol imap\n"])
def test_usual_port_that_the_policy_left_alone_is_guarded(shim, before):
    """Such a connect() would go straight to the kernel if the port were no usual one."""
    with Hostile(honest(IMAP, certs.case("good")), f"127.18.{os.getpid() >> 8 & 255}.{os.getpid() & 255}", 4190) as server:
        shim.policy(before)
        program = Program(shim, server)
        assert "first.example" not in program.connect()
        put(shim, server, "first")
        wait_for(lambda: is_in_force(program, "first"), "the new rule")
        shim.finish(program.process)


def test_broken_policy_is_said_once_and_the_old_one_stays(shim, server, program):
    assert is_in_force(program, "first")
    put(shim, server, "match port\n    level unheard-of\n")
    wait_for(lambda: is_in_force(program, "first") and REFUSED in shim.log(), "the line in the log")
    assert f"{shim.policy_file}:1" in shim.log()
    put(shim, server, "second")
    wait_for(lambda: is_in_force(program, "second"), "the repaired policy")
    assert shim.log().count(REFUSED) == 1


@pytest.mark.parametrize("lose", [lambda path: path.unlink(), lambda path: path.write_text("")], ids=["gone", "empty"])
def test_lost_policy_is_an_accident(shim, server, program, lose):
    """A disk that is full leaves an empty file, which would guard nothing on this port."""
    assert is_in_force(program, "first")
    lose(shim.policy_file)
    wait_for(lambda: is_in_force(program, "first") and "is gone or empty" in shim.log(), "the line in the log")
    put(shim, server, "second")
    wait_for(lambda: is_in_force(program, "second"), "the policy that is there again")
    assert shim.log().count(REFUSED) == 1


def test_missing_policy_is_taken_up_when_it_appears(shim, server):
    program = Program(shim, server)
    assert "first.example" not in program.connect()
    put(shim, server, "first")
    wait_for(lambda: is_in_force(program, "first"), "the policy")
    shim.finish(program.process)


def test_included_files_count_too(shim, server):
    """Those that a pattern finds, as well."""
    folder = shim.folder / "policy.d"
    folder.mkdir()
    put(shim, server, f"include {folder}/*.policy\n")
    put(shim, server, "first", folder / "b.policy")
    program = Program(shim, server)
    assert is_in_force(program, "first")
    put(shim, server, "second", folder / "a.policy")
    wait_for(lambda: is_in_force(program, "second"), "the file that is new in the folder")
    put(shim, server, "third", folder / "a.policy")
    wait_for(lambda: is_in_force(program, "third"), "the new version of that file")
    shim.finish(program.process)


def test_new_included_file_that_is_being_written_waits(shim, server, program):
    """Half of it would be a good policy: one that guards nothing here."""
    assert is_in_force(program, "first")
    included = shim.folder / "included"
    half, rest = "match port 1\n    level none\n", text(server, "second")
    included.write_text(half)
    included.chmod(0o644)
    put(shim, server, f"include {included}\n")
    until = time.time() + 4  # the policy itself is still for long enough
    while time.time() < until:
        os.utime(included)
        assert is_in_force(program, "first")
        time.sleep(0.2)
    with included.open("a") as file:
        file.write(rest)
    wait_for(lambda: is_in_force(program, "second"), "the whole policy")


OF_TWO_USERS = PROGRAM.replace("for line in sys.stdin:", """
import queue, threading
lines, done = queue.Queue(), queue.Queue()
def as_another():
    assert ctypes.CDLL(None).syscall(117, ADA, ADA, ADA) == 0  # setresuid(2), of this thread alone
    while lines.get():
        s = socket.socket()
        s.connect_ex((sys.argv[1], int(sys.argv[2])))
        s.close()
        done.put(None)
threading.Thread(target=as_another, daemon=True).start()
for line in sys.stdin:
    if "another" in line:
        lines.put(line)
        done.get()
        print("done", flush=True)
        continue""").replace("ADA", str(ADA))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="setresuid(2) needs root")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of a system call")
def test_user_of_one_thread_does_not_make_the_policy(shim, server):
    """Without HOME, the policy is the one in the home of the user that the program had when it read it."""
    homes = {"root": (0, shim.folder / "one"), "ada": (ADA, shim.folder / "two")}
    paths = {name: home / ".config/retrotls/policy" for name, (_, home) in homes.items()}
    passwd = shim.folder / "passwd"
    passwd.write_text("".join(f"{name}:x:{user}:{user}::{home}:/bin/sh\n" for name, (user, home) in homes.items()))
    for name, (user, home) in homes.items():
        paths[name].parent.mkdir(parents=True)
        put(shim, server, "first" if user == 0 else "evil", paths[name])
        for path in home, *home.rglob("*"):
            os.chown(path, user, user)
    shim.folder.chmod(0o755)
    program = Program(shim, server, OF_TWO_USERS, "unshare", "-m", "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$@"', "sh",
                      env={"HOME": "", "RETROTLS_POLICY": ""})
    assert is_in_force(program, "first")
    put(shim, server, "second", paths["root"])
    until = time.time() + 4  # longer than a good policy needs
    while time.time() < until:
        assert program.say("another") == "done"
    assert not is_in_force(program, "evil")
    wait_for(lambda: is_in_force(program, "second"), "the second policy")
    shim.finish(program.process)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) needs root")
@pytest.mark.parametrize("how", ["root", "raw"])
def test_file_in_another_root_is_not_the_policy(shim, server, program, how):
    """Whoever may write there would be rid of TLS. `raw`: by a system call that the library does not see."""
    root = shim.folder / how
    inside = root / str(shim.policy_file).lstrip("/")
    inside.parent.mkdir(parents=True)
    put(shim, server, "evil", inside)
    assert is_in_force(program, "first")
    assert program.say(str(root)) == "there"
    put(shim, server, "second")
    until = time.time() + 4  # longer than a good policy needs
    while time.time() < until:
        assert not is_in_force(program, "evil")
    with contextlib.suppress(OSError):
        os.utime(inside)

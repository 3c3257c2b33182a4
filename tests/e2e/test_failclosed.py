"""If the shim lacks something that it needs, there is no connection rather than one in plaintext, and a sentence says what
to do."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import certs, loopback
from support.hostile import Hostile
from support.play import honest, plaintext_only, play
from support.protocols import IMAP, POP3, SECRET, SENDER
from support.shim import PYTHON
from support.tap import Tap


@pytest.fixture
def path(shim):
    """A recorder at a guarded port. The server behind it would gladly talk in plaintext."""
    shim.private_build()
    with Hostile(plaintext_only(IMAP)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        yield tap


def closed(shim, path, *sentences, result=None):
    """Asserts that the program, the careless client without `result`, got nowhere, and that the log or the program says why."""
    result = result or shim.careless("localhost", path.port, IMAP.words)
    assert not re.search(rb"LOGIN|SELECT|S3cret", path.up), f"the program got through: {path.up!r}\n{result.show()}"
    assert re.search(rb"connect: ", result.err) or re.fullmatch(IMAP.failure, result.out), result.show()
    told = result.log + result.err.decode() + result.out.decode()
    for sentence in sentences:
        assert re.search(sentence, told), f"nothing tells {sentence!r}\n{result.show()}"
    return result


def test_relay_is_missing(shim, path):
    shim.relay.unlink()
    closed(shim, path, "retrotls-relay", "install")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every folder; the missing file stands for it")
def test_relay_may_not_be_searched(shim, path):
    folder = shim.folder / "hidden"
    folder.mkdir()
    shutil.move(shim.relay, folder)
    shim.relay.symlink_to(folder / shim.relay.name)
    folder.chmod(0)
    try:
        closed(shim, path, "retrotls-relay")
    finally:
        folder.chmod(0o700)


def test_relay_is_not_executable(shim, path):
    shim.relay.chmod(0o600)
    closed(shim, path, "retrotls-relay")


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true"])
def test_relay_ends_at_its_start(shim, path, program):
    shim.relay.unlink()
    shutil.copy(program, shim.relay)
    closed(shim, path, "retrotls-relay|relay")


def test_relay_crashes_at_its_start(shim, path):
    shim.relay.write_text("#!/bin/sh\nkill -SEGV $$\n")
    closed(shim, path, "retrotls-relay|relay")


def test_relay_is_no_program(shim, path):
    shim.relay.write_bytes(bytes(1000))
    closed(shim, path, "retrotls-relay|relay")


FILLS = """
import os, resource, socket, sys
port, spare, words = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()
address = socket.getaddrinfo("localhost", port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
s = socket.socket()
null = os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True: held.append(os.dup(null))
except OSError:
    pass
for _ in range(spare): os.close(held.pop())
try:
    s.connect(address)
    s.sendall(words)
    sys.stdout.buffer.write(s.makefile("rb").read())
except OSError as error:
    print(f"connect: {error}", file=sys.stderr)
"""


@pytest.mark.parametrize("spare", range(0, 6))
def test_limit_of_descriptors_is_reached(shim, path, spare):
    """With some descriptors to spare the shim may work. It then refuses this server, which has no TLS."""
    closed(shim, path, result=shim.python(FILLS, path.port, spare, stdin=IMAP.words))


def test_policy_that_was_named_is_missing(shim, path):
    shim.policy_file.unlink()
    closed(shim, path, str(shim.policy_file))


def test_policy_is_a_folder(shim, path):
    shim.policy_file.unlink()
    shim.policy_file.mkdir()
    closed(shim, path, str(shim.policy_file))


def test_policy_is_a_pipe(shim, path):
    """The shim must not wait for somebody to write to it."""
    shim.policy_file.unlink()
    os.mkfifo(shim.policy_file)
    closed(shim, path, str(shim.policy_file))


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_policy_is_writable_by_others(shim, path, mode):
    """Anyone who can write the policy can switch TLS off."""
    shim.policy_file.chmod(mode)
    closed(shim, path, str(shim.policy_file), "chmod|writ")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_policy_belongs_to_a_stranger(shim, path):
    os.chown(shim.policy_file, 54321, 54321)
    closed(shim, path, str(shim.policy_file), "belongs|own")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all files; the folder and the missing file stand for it")
def test_policy_is_unreadable(shim, path):
    shim.policy_file.chmod(0)
    closed(shim, path, str(shim.policy_file))


@pytest.mark.parametrize("line,told", [("levle secure", "level"), ("    level securee", "secure"), ("match", "match"),
                                       ("match port 70000", "70000"), ("    fingerprint sha256:12", "fingerprint"), ("\0", ""), ("x" * 10000, "")],
                         ids=lambda v: v[:20].strip())
def test_policy_is_malformed(shim, path, line, told):
    """The message names the file, the right line, and what is wrong."""
    text = shim.policy_file.read_text()
    shim.policy(text + line + "\n")
    number = len(text.splitlines()) + 1
    closed(shim, path, re.escape(str(shim.policy_file)) + f":{number}", re.escape(told))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root listens at a port whose protocol is known; connect() fails elsewhere")
def test_policy_in_error_is_told_in_the_failure_greeting(shim):
    """If the protocol is known, the failure greeting has the same words as retrotls lint."""
    address = loopback.own_address()
    shim.policy(f"match address {address}\n    levle secure\n")
    with loopback.listen(address, 143) as server:
        result = shim.careless(address, 143, IMAP.words).ok()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody ever connected
    linted = shim.run(shim.command, "lint", shim.policy_file, preload=False).out.decode().splitlines()[0]
    assert linted.startswith(f"{shim.policy_file}:2:5: unknown setting 'levle'")
    assert re.match(rb"\* BYE retrotls: .*:2:5: unknown setting 'levle'", result.out), result.show()


def test_library_that_cannot_be_loaded_is_refused_by_the_command(shim, path):
    """ld.so itself would start the program without it."""
    shim.library.write_bytes(b"not a library")
    result = shim.run(*careless(path), stdin=IMAP.words, command=True)
    assert result.status not in (0, None) and path.up == b"" and b"libretrotls.so" in result.err, result.show()


def test_program_that_a_preload_cannot_reach_is_refused_by_the_command(shim, path):
    """A static program would run without TLS."""
    result = shim.run("/sbin/ldconfig.real" if os.path.exists("/sbin/ldconfig.real") else "/sbin/ldconfig", "-p",
                      command=True)
    assert result.status != 0 and b"static" in result.err, result.show()


def careless(path):
    from support.shim import PROGRAMS
    return PROGRAMS / "careless", "localhost", path.port


UPGRADED = """
import os, socket, sys
if sys.argv[2:]:
    os.unlink(os.readlink("/proc/self/exe"))
    if sys.argv[2] == "started anew":
        os.execv("/proc/self/exe", ["mailer", "-c", os.environ["CODE"], sys.argv[1]])
s = socket.create_connection(("localhost", int(sys.argv[1])))
words, out = os.environb[b"WORDS"], s.recv(4096)
s.sendall(words)
while piece := s.recv(4096):
    out += piece
"""


@pytest.mark.parametrize("then", ["goes on", "started anew"])
def test_program_whose_file_was_replaced_while_it_ran_has_its_rules_still(shim, then):
    """A package was upgraded: /proc/PID/exe then reads "mailer (deleted)"."""
    program = shutil.copy(PYTHON, shim.folder / "mailer")
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.policy(f"match program mailer port {tap.port}\n level secure\n protocol pop3\n ca-file {certs.authority().pem}\n"
                    "match port 1-65535\n level none\n")
        shim.run(program, "-c", UPGRADED, tap.port, then,
                 env={"WORDS": POP3.words.decode(), "CODE": UPGRADED, "PYTHONHOME": "/usr"}).ok()
        tap.wait_closed()
        server.wait_done()
    tap.never_saw(SECRET, SENDER)
    assert server.over_tls == POP3.words, shim.log()


PREINIT = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void early(int count, char **words)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        dprintf(2, "connect: %m\n");
    else
        write(fd, "a LOGIN test S3cret-Passw0rd\r\n", 30);
}

__attribute__((section(".preinit_array"), used)) static void (*const run)(int, char **) = early;

int main(void)
{
    return 0;
}
"""


def test_connection_made_before_libc_has_the_environment(shim, path):
    """The library does not know yet which policy was named. The built-in one would let the connection go."""
    program = shim.folder / "early"
    subprocess.run(["gcc", "-x", "c", "-w", "-o", program, "-"], input=PREINIT, text=True, check=True)
    closed(shim, path, result=shim.run(program, path.port).ok())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes a user that /etc/passwd does not know")
def test_user_without_a_name_may_be_the_one_that_the_policy_guards(shim, path):
    """The library reads only /etc/passwd. The user may come from a directory service, or from outside a chroot."""
    code = ("import os, socket, sys; os.setresuid(54321, 54321, 54321); s = socket.create_connection((sys.argv[1], sys.argv[2]));"
            "s.recv(100); s.sendall(b'a LOGIN test S3cret-Passw0rd\\r\\n')")
    shim.policy(f"match user ada port {path.port}\n level secure\n protocol imap\n")
    shim.policy_file.chmod(0o644)
    shim.folder.chmod(0o755)
    shim.environment["RETROTLS_LOG"] = "stderr"
    result = shim.python(code, "127.0.0.1", path.port)
    assert path.up == b"" and b"write the user's number" in result.err, result.show()


@pytest.mark.parametrize("setting", ["crl-file", "client-cert"])
def test_file_that_the_policy_names_is_missing(shim, setting):
    play(shim, IMAP, honest(IMAP), "secure", f"{setting} /nowhere/file.pem").failed("/nowhere/file.pem", "no such file")


@pytest.mark.parametrize("settings", ["both", "one file"])
def test_client_key_that_others_may_read(shim, settings):
    """The relay finds it out, which opens the file; the program does not (test_hung_files)."""
    made = certs.issued("client.example.org")
    key = shim.folder / "client.key"
    key.write_bytes(Path(made.key).read_bytes() + Path(made.pem).read_bytes())
    lines = [f"client-cert {made.pem}", f"client-key {key}"] if settings == "both" else [f"client-cert {key}"]
    key.chmod(0o644)
    play(shim, IMAP, honest(IMAP), "secure", *lines).failed("others may read the key", str(key))
    key.chmod(0o640)
    shim.log_file.unlink()
    play(shim, IMAP, honest(IMAP), "secure", *lines).upgraded()

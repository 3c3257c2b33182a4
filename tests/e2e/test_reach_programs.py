"""Programs that no preload reaches, each in a whole session with a real server, started by `retrotls` without options. The
recorder on the path proves that neither the password nor the mail crossed in clear; with a wrong certificate, nothing did."""
import atexit
import functools
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from support.protocols import IMAP, POP3
from support.servers.dovecot import PASSWORD, message
from support.shim import PROGRAMS, Shim
from support.tap import Tap
from support.wait import wait_for

TEXT = "the cat sat on the mat"

PASCAL = """
program client;
uses sockets, sysutils;
var at: TInetSockAddr; s, got: longint; words, buffer: ansistring;
begin
  s := fpsocket(AF_INET, SOCK_STREAM, 0);
  fillchar(at, sizeof(at), 0);
  at.sin_family := AF_INET; at.sin_port := htons(strtoint(paramstr(2))); at.sin_addr := StrToNetAddr('127.0.0.1');
  if fpconnect(s, @at, sizeof(at)) <> 0 then halt(1);
  setlength(buffer, 4096);
  got := fprecv(s, @buffer[1], 4096, 0);
  while not eof do begin readln(words); words := words + #10; fpsend(s, @words[1], length(words), 0); end;
  while got > 0 do begin write(copy(buffer, 1, got)); got := fprecv(s, @buffer[1], 4096, 0); end;
end.
"""

RUST = """
use std::io::{BufRead, BufReader, Read, Write};
fn main() {
    let to: Vec<String> = std::env::args().collect();
    let mut stream = std::net::TcpStream::connect((to[1].as_str(), to[2].parse::<u16>().unwrap())).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut words, mut line, mut all) = (Vec::new(), String::new(), String::new());
    reader.read_line(&mut line).unwrap();
    std::io::stdin().read_to_end(&mut words).unwrap();
    stream.write_all(&words).unwrap();
    reader.read_to_string(&mut all).unwrap();
    print!("{}{}", line, all);
}
"""


def needs(*commands):
    for command in commands:
        if not shutil.which(command):
            pytest.skip(f"{command} is not installed")


def static_busybox():
    needs("busybox")
    if b"INTERP" in subprocess.run(["readelf", "-lW", shutil.which("busybox")], capture_output=True, check=True).stdout:
        pytest.skip("busybox is not static")
    return shutil.which("busybox")


def built(name):
    if not (PROGRAMS / name).exists():
        pytest.skip(f"{name} was not built: its compiler is not installed")
    return PROGRAMS / name


@functools.cache
def compiled(compiler, name, source, *options):
    """Compiles a file once per run."""
    needs(compiler)
    folder = Path(tempfile.mkdtemp(prefix="retrotls-compiled-"))
    atexit.register(shutil.rmtree, folder)
    (folder / name).write_text(source)
    subprocess.run([compiler, *options, name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "client"


def pascal():
    return compiled("fpc", "client.pas", PASCAL, "-v0")


def rust():
    return compiled("rustc", "client.rs", RUST, "-C", "target-feature=+crt-static")


STATIC = PROGRAMS / "careless-static"
PROGRAMS_AND_WAYS = {
    "static glibc": lambda: [STATIC],
    "static musl": lambda: [built("careless-musl")],
    "Go": lambda: [built("careless-go")],
    "static Rust": lambda: [rust()],
    "Free Pascal": lambda: [pascal()],
    "busybox nc": lambda: [static_busybox(), "nc"],
    "a script of busybox": lambda: [static_busybox(), "sh", "-c", 'nc "$@"', "sh"],
    "sh -c": lambda: ["/bin/sh", "-c", '"$@"; exit', "sh", STATIC],
    "exec in a script": lambda: ["/bin/sh", "-c", 'exec "$@"', "sh", STATIC],
    "env -i": lambda: ["/usr/bin/env", "-i", STATIC],
}


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)


def run(shim, arguments, **options):
    return shim.run(*arguments, command=True, **options)


@pytest.mark.parametrize("way", PROGRAMS_AND_WAYS)
def test_pop3(shim, dovecot, way):
    user, token = dovecot.mailbox(message("hello", f"{TEXT} {uuid.uuid4().hex}")), TEXT.encode()
    words = f"USER {user}\r\nPASS {PASSWORD}\r\nRETR 1\r\nQUIT\r\n".encode()
    command = PROGRAMS_AND_WAYS[way]()
    with Tap(dovecot.at("pop3")) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        result = run(shim, [*command, "localhost", tap.port], stdin=words).ok()
        tap.wait_closed()
        assert token in result.out, result.show() + tap.transcript()
        tap.never_saw(PASSWORD.encode(), token)
        tap.saw_only_tls_after(POP3.preamble)
        assert [line["verified"] for line in result.lines] == ["localhost"], result.show()


@pytest.mark.parametrize("way", PROGRAMS_AND_WAYS)
def test_pop3_with_a_wrong_certificate(shim, dovecot, way):
    command = PROGRAMS_AND_WAYS[way]()
    with Tap(dovecot.at("pop3")) as tap:
        shim.guard(tap.port, "secure", "pop3", "name other.example.org")
        result = run(shim, [*command, "localhost", tap.port], stdin=f"USER me\r\nPASS {PASSWORD}\r\nQUIT\r\n".encode())
        tap.wait_closed()
        assert b"-ERR [SYS/TEMP] retrotls: certificate" in result.out, result.show()
        tap.never_saw(PASSWORD.encode())
        assert [line["result"] for line in result.lines] == ["failed"], result.show()


@pytest.mark.parametrize("name, copied", [("localhost", True), ("other.example.org", False)], ids=["good", "wrong certificate"])
def test_imapcopy(shim, dovecot, name, copied):
    needs("imapcopy")
    token = uuid.uuid4().hex.encode()
    source, target = dovecot.mailbox(message("hello", f"{TEXT} {token.decode()}")), dovecot.mailbox()
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap", f"name {name}")
        (shim.folder / "ImapCopy.cfg").write_text(
            f"SourceServer localhost\nSourcePort {tap.port}\nDestServer localhost\nDestPort {tap.port}\n"
            'DenyFlags "\\Recent"\n'
            f'Copy "{source}" "{PASSWORD}" "{target}" "{PASSWORD}"\n')
        result = run(shim, ["imapcopy"], cwd=shim.folder)
        tap.wait_closed()
        tap.never_saw(PASSWORD.encode(), token)
        assert {line["result"] for line in result.lines} == {"tls" if copied else "failed"}, result.show()
        if copied:
            tap.saw_only_tls_after(IMAP.preamble)
    assert any(token in mail for mail in dovecot.messages(target)) == copied, result.show()


def test_tmux(shim, dovecot):
    """Its server outlives the command that starts it, and starts the program."""
    needs("tmux")
    user = dovecot.mailbox(message("hello", TEXT))
    (shim.folder / "words").write_bytes(f"USER {user}\r\nPASS {PASSWORD}\r\nRETR 1\r\nQUIT\r\n".encode())
    with Tap(dovecot.at("pop3")) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        script = f"{STATIC} localhost {tap.port} < words > out; touch done"
        run(shim, ["tmux", "-S", shim.folder / "socket", "-f", "/dev/null", "new-session", "-d", script], cwd=shim.folder).ok()
        wait_for((shim.folder / "done").exists, "the program to end")
        tap.wait_closed()
        assert TEXT.encode() in (shim.folder / "out").read_bytes(), tap.transcript()
        tap.never_saw(PASSWORD.encode(), TEXT.encode())
        tap.saw_only_tls_after(POP3.preamble)

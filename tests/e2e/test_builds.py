"""The libraries for 32-bit and for musl programs, with the same relay, loaded by the command and by LD_PRELOAD. A 32-bit
program also runs under qemu-i386, as on a machine that cannot execute it."""
import platform
import re
import subprocess

import pytest
from support import i386, marks, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import POP3, SECRET
from support.shim import BUILD, PROGRAMS, ROOT
from support.tap import Tap

COMPILERS = {"lib32": ["gcc", *i386.GCC_FLAGS], "musl": ["musl-gcc"]}
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
EACH_BUILD = pytest.mark.parametrize("build", COMPILERS)
EACH_STARTED_BY_ANOTHER = pytest.mark.parametrize("build", [pytest.param("lib32", marks=marks.executes_32_bit), "musl"])

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="other builds are made on x86-64 alone")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The test programs, each in a folder named after the library that it needs."""
    folder = tmp_path_factory.mktemp("builds")
    folder.chmod(0o755)
    for build, compiler in COMPILERS.items():
        (folder / build).mkdir()
        for name in "careless", "longjmp":
            subprocess.run([*compiler, "-D_GNU_SOURCE", "-O2", "-o", folder / build / name,
                            ROOT / f"tests/e2e/programs/{name}.c"], check=True)
    return folder


def session(shim, protocol, *program, name="localhost", **options):
    """Runs a whole session of a careless client. Everything it says must go through TLS."""
    with Hostile(honest(protocol)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", protocol.name, *([f"name {name}"] if name else []))
        result = shim.run(*program, "localhost", tap.port, stdin=protocol.words, **options).ok()
        tap.wait_closed()
        server.wait_done()
    assert re.match(protocol.upgraded, result.out), result.show()
    assert server.over_tls == protocol.words, result.show()
    tap.saw_only_tls_after(protocol.preamble)
    tap.never_saw(SECRET, protocols.SENDER)
    assert [line["result"] for line in result.lines] == ["tls"], result.show()
    return result


@EACH_PROTOCOL
@EACH_STARTED_BY_ANOTHER
def test_program_of_another_kind(shim, programs, build, protocol):
    """The certificate is checked against the name that the program asked the resolver for."""
    session(shim, protocol, programs / build / "careless", command=True, name=None)


@EACH_BUILD
def test_library_by_ld_preload(shim, programs, build):
    shim.library = BUILD / build / "libretrotls.so"
    session(shim, POP3, programs / build / "careless", name=None)


@EACH_PROTOCOL
def test_libc_without_the_younger_functions(shim, protocol):
    """The library looks up at run time what glibc 2.5 lacks, and can do without it."""
    libraries = f"{shim.library}:{PROGRAMS / 'old_libc.so'}"
    session(shim, protocol, PROGRAMS / "careless", name="localhost", env={"LD_PRELOAD": libraries})


@EACH_STARTED_BY_ANOTHER
def test_a_connection_handed_down_to_a_program_of_another_kind(shim, programs, build):
    """Each build watches read and write."""
    shim.library = BUILD / build / "libretrotls.so"
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        source = shim.folder / "talk.c"
        source.write_text(r"""
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    char b[4096];
    if (read(20, b, sizeof b) <= 0 || write(20, getenv("WORDS"), strlen(getenv("WORDS"))) < 0)
        return 1;
    while (read(20, b, sizeof b) > 0)
        ;
    return 0;
}
""")
        subprocess.run([*COMPILERS[build], "-o", shim.folder / "talk", source], check=True)
        result = shim.run(PROGRAMS / "connector", "127.0.0.1", tap.port, "20", "--", shim.folder / "talk",
                          env={"WORDS": POP3.words.decode()}).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == POP3.words, result.show()
    tap.saw_only_tls_after(POP3.preamble)


def test_program_of_32_bits_under_qemu(shim, programs):
    """qemu-i386 does not support clone() without an exit signal, and the kernel takes the emulator for the program."""
    library = BUILD / "lib32/libretrotls.so"
    session(shim, POP3, "qemu-i386", "-L", "/", "-E", f"LD_PRELOAD={library}", programs / "lib32/careless", preload=False)


@EACH_BUILD
def test_nothing_leaks_out_of_connect(shim, programs, build):
    """After a longjmp out of connect(), each build finds again what connect() had acquired."""
    import socket
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent, \
            socket.create_connection(silent.getsockname()):
        host, port = silent.getsockname()
        shim.guard(port)
        shim.library = BUILD / build / "libretrotls.so"
        first, last = shim.run(programs / build / "longjmp", host, port, 10).ok().out.split()
    assert int(last) <= int(first)

"""Debian 11 with the library in /etc/ld.so.preload, so that every program loads it. Their output does not change by a byte, and
clients are guarded without knowing it. `make roots`."""
import subprocess

import pytest
from support import fresh_root, guest, platform_of
from support.clients import ALL
from support.guest import HARDSHIPS

pytestmark = guest.LONG_FORM

ENOUGH = 200

# Runs as nobody, in namespaces of its own and without the machine's devices, because these are arbitrary programs. We leave out
# killall5, which kills all others, PAM's helpers, which sleep for long, and programs of 32 bits, for which ld.so.preload names a
# library of the wrong class. Like ldd(1), we ask the loader what it maps; if no C library is among that, the program is static.
RUN_ALL = f"""
out=$1 library=$2
{HARDSHIPS['no /dev/log']}
printf '127.0.0.1 localhost\\n' > /etc/hosts
[ -z "$library" ] || echo "$library" > /etc/ld.so.preload
""" + r"""
mkdir /work && chown 65534:65534 /work "$out" && cd /work
exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '
out=$1
for program in $(find /usr/bin /usr/sbin -type f -perm -0555 ! -name killall5 ! -name "unix_*" ! -name "qemu-*" | sort); do
    name=$(basename "$program")
    head -c 4 "$program" | grep -q ELF || continue
    [ $(od -An -tu1 -j 4 -N 1 "$program") = 2 ] || continue
    LD_TRACE_LOADED_OBJECTS=1 "$program" < /dev/null > "$out/$name.loaded" 2> /dev/null
    grep -q libc.so "$out/$name.loaded" || continue
    timeout -k 1 20 "$program" --version < /dev/null > "$out/$name.out" 2> "$out/$name.err"
    echo $? > "$out/$name.status"
done' sh "$out"
"""


@pytest.fixture(scope="module")
def root():
    return guest.debian_11()


shim = guest.fixture()


def run_all(shim, name, library=""):
    """Returns status, output and errors of each program by its name, and the names of those that loaded the library."""
    out = shim.folder / name
    out.mkdir()
    enter = fresh_root.entered(shim.root, shim.scratch, f"{shim.bundle.parent}:/opt", f"{out}:{out}")
    enter[1:2] = ["-m", "-p", "-n", "-i", "-u", "--fork"]
    done = subprocess.run([*enter, "sh", "-ec", RUN_ALL, "sh", out, library], check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=500,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C"})
    assert done.returncode == 0, done.stdout
    outcomes = {}
    for status in out.glob("*.status"):
        name = status.name.removesuffix(".status")
        outcomes[name] = (status.read_text(), *((out / f"{name}.{each}").read_bytes() for each in ("out", "err")))
    return outcomes, {each for each in outcomes if "libretrotls.so" in (out / f"{each}.loaded").read_text()}


def test_200_programs_do_what_they_do_without_the_library(shim, root, request):
    platform_of.root(request, root, f"{ENOUGH} programs by /etc/ld.so.preload")
    plain, never = run_all(shim, "plain")
    again, _ = run_all(shim, "again")
    preloaded, loaded = run_all(shim, "preloaded", shim.library)
    assert not never and plain.keys() == again.keys() == preloaded.keys()
    # Some print the time, or a number that changes with each run. Compare those that print the same twice.
    steady = {name for name in plain if plain[name] == again[name]}
    assert {name: preloaded[name] for name in steady} == {name: plain[name] for name in steady}
    shown = {name for name in steady & loaded if plain[name][0] == "0\n" and plain[name][1]}
    assert len(shown) >= ENOUGH, f"{len(shown)} programs ran and said something, of {len(plain)}, {len(loaded)} with the library"


CLIENTS = pytest.mark.parametrize("client", [pytest.param(c, id=f"{c.protocol}-{c.name}") for c in ALL
                                             if c.name in ("curl_imap", "fetchmail", "msmtp", "perl_pop3")])


@CLIENTS
def test_client_is_guarded(shim, root, servers_by_case, client, request):
    platform_of.root(request, root, "clients by /etc/ld.so.preload")
    shim.by_file = True
    guest.whole_session(shim, servers_by_case, client)


@CLIENTS
def test_client_is_refused_with_the_certificate_of_another_host(shim, root, servers_by_case, client, request):
    platform_of.root(request, root, "clients by /etc/ld.so.preload")
    shim.by_file = True
    guest.refusal(shim, servers_by_case, client)

"""The bundle on an old distribution: Debian 11, with its own perl. `make roots`."""
import os
import shutil
import subprocess

import pytest
from support import certs, fresh_root
from support.bundle import archive
from support.hostile import Hostile
from support.play import honest
from support.protocols import POP3, SECRET
from support.tap import Tap

pytestmark = [fresh_root.needs_root, pytest.mark.timeout(1800),
              pytest.mark.skipif("RETROTLS_ROOTS" not in os.environ, reason="of the long form: make roots")]

PERL = r"""
use IO::Socket::INET;
my $server = IO::Socket::INET->new(PeerAddr => "localhost", PeerPort => $ARGV[0]) or die "connect: $@";
local $/;
print $server $ENV{WORDS};
print <$server>;
"""
HARDSHIPS = {
    "as it comes": "",
    "no HOME, and nothing may be executed in TMPDIR": "unset HOME; mount -t tmpfs -o noexec tmpfs /var/tmp; export TMPDIR=/var/tmp\n",
    "read-only": "mount -o remount,ro,bind / 2>/dev/null || mount -o remount,ro /; if touch /etc/writable 2>/dev/null; then exit 9; fi\n",
    "hidepid": "mount -o remount,hidepid=2 /proc\n",
}


@pytest.fixture(scope="module")
def opt(tmp_path_factory):
    """Where the bundle is unpacked."""
    folder = tmp_path_factory.mktemp("opt")
    subprocess.run(["tar", "-xJf", archive(), "-C", folder], check=True)
    return folder


@pytest.mark.parametrize("hardship", HARDSHIPS)
@pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])
def test_session_on_debian_11(shim, opt, tmp_path, command, hardship):
    folder = f"/opt/{next(opt.iterdir()).name}"
    shutil.copy(certs.authority().pem, shim.folder / "ca.pem")
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost", ca=shim.folder / "ca.pem")
        start = f"{folder}/retrotls" if command else f"env LD_PRELOAD={folder}/libretrotls.so"
        done = fresh_root.run("bullseye", tmp_path / "scratch", f"""
echo 127.0.0.1 localhost > /etc/hosts
{HARDSHIPS[hardship]}
{start} perl -e "$1" "$2"
""", PERL, str(tap.port), binds=[f"{opt}:/opt", f"{shim.folder}:{shim.folder}"], timeout=600, WORDS=POP3.words.decode(),
                              RETROTLS_POLICY=str(shim.policy_file), RETROTLS_LOG=str(shim.log_file))
        assert done.returncode == 0, done.stdout[-3000:] + shim.log()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == POP3.words, done.stdout
    tap.saw_only_tls_after(POP3.preamble)
    tap.never_saw(SECRET)
    assert [line["result"] for line in shim.log_lines()] == ["tls"], shim.log()

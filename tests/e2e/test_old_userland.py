"""The bundle on an old distribution, Debian 11: its own clients in whole sessions with servers on this machine, and roots that
lack things programs take for granted. `make roots`."""
import pytest
from support import guest, i386, platform_of
from support.clients import ALL
from support.clients.pop3 import mailcheck_words
from support.clients.registry import Client
from support.guest import SERVERS, WAYS
from support.protocols import POP3
from support.tap import Tap

pytestmark = guest.LONG_FORM


def mailcheck_i386(session):
    """The root's 32-bit mailcheck, by its path, since qemu does not search PATH."""
    session.shim.library = session.shim.library_32
    return mailcheck_words(session, "/usr/bin/mailcheck")


CLIENTS = [client for client in ALL if client.protocol in SERVERS
           and client.program.split()[0] in ("curl", "fetchmail", "msmtp", "mutt", "perl")]
CLIENTS.append(Client("mailcheck (32 bits)", "pop3", mailcheck_i386, sends=False, by_address=False, only="", gone="", shows=b" 3 ",
                      slow=False))
EACH = pytest.mark.parametrize("client", [pytest.param(c, id=f"{c.protocol}-{c.name}") for c in CLIENTS])


@pytest.fixture(scope="module")
def root():
    return guest.debian_11()


shim = guest.fixture(first_in_path="/usr/local/bin")


def by_qemu(client, command):
    if client.words is mailcheck_i386 and command and not i386.EXECUTED:
        pytest.skip(i386.NEEDS_THE_KERNEL)


@WAYS
@EACH
def test_client_of_debian_11(shim, root, servers_by_case, client, command, request):
    platform_of.root(request, root, client.program)
    by_qemu(client, command)
    guest.whole_session(shim, servers_by_case, client, command=command)


@WAYS
@EACH
def test_client_of_debian_11_is_refused_with_the_certificate_of_another_host(shim, root, servers_by_case, client, command, request):
    platform_of.root(request, root, client.program)
    by_qemu(client, command)
    guest.refusal(shim, servers_by_case, client, command=command)


def test_setgid_msmtp_is_refused_by_the_command(shim, root, servers_by_case, request):
    """Debian 11 installs it setgid. The command does not start it, and nobody connects to the server."""
    platform_of.root(request, root, "msmtp")
    with Tap(servers_by_case("good", "smtp").at("smtp")) as tap:
        shim.guard(tap.port, "secure", "smtp")
        result = shim.run("/usr/bin/msmtp", "--host=localhost", f"--port={tap.port}", "--from=a@example.org", "b@localhost",
                          stdin=b"Subject: hello\n\nthe cat\n", command=True)
        assert result.status != 0 and b"setgid" in result.err, result.show()
        assert tap.recordings == []


@pytest.mark.parametrize("certificate", ["good", "other host"])
@pytest.mark.parametrize("hardship", guest.HARDSHIPS)
@WAYS
def test_hardship_on_debian_11(shim, root, command, hardship, certificate, request):
    """Under each hardship, a whole session works, and a server with another host's certificate is refused."""
    platform_of.root(request, root, hardship)
    shim.hardship = hardship
    guest.careless_session(shim, POP3, certificate, ["perl", "-e", guest.CARELESS_PERL, "{port}"], command=command)

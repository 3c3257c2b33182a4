"""The bundle on a system like Alpine: musl, busybox, and nothing else. busybox's own sendmail and popmaildir are the clients.
`make roots`."""
import pytest
from support import guest, musl_root, platform_of
from support.clients.registry import Client
from support.guest import WAYS
from support.protocols import POP3

pytestmark = guest.LONG_FORM


def bb_sendmail(session):
    return ["sh", "-c", f"sendmail -f a@example.org -S localhost:{session.port} -autest -apsecret b@localhost < {session.mail}"]


def bb_popmaildir(session):
    """Reads its credentials from standard input, and starts nc, which connects."""
    for part in ("cur", "new", "tmp"):
        (session.folder / "Maildir" / part).mkdir(parents=True)
    session.stdin = f"{session.user}\nsecret\n".encode()
    return ["sh", "-c", f"popmaildir Maildir nc localhost {session.port} && cat Maildir/new/*"]


def client(program, protocol, words, sends):
    return Client(program, protocol, words, sends=sends, by_address=False, only="", gone="", shows=b"the cat sat on the mat", slow=False)


CLIENTS = [client("sendmail", "smtp", bb_sendmail, True), client("popmaildir", "pop3", bb_popmaildir, False)]
EACH = pytest.mark.parametrize("client", [pytest.param(c, id=c.program) for c in CLIENTS])


@pytest.fixture(scope="module")
def root():
    return musl_root.make()


@pytest.fixture(scope="module")
def facts(root):
    return musl_root.facts(root)


@pytest.fixture
def shim(root, bundle):
    shim = guest.Guest(root, bundle)
    shim.library = shim.library_musl
    shim.as_nobody = ["setuidgid", "nobody"]
    yield shim
    shim.close()


@WAYS
@EACH
def test_client_of_busybox(shim, facts, servers_by_case, client, command, request):
    platform_of.note(request, facts, client.program)
    guest.whole_session(shim, servers_by_case, client, command=command)


@WAYS
@EACH
def test_client_of_busybox_is_refused_with_the_certificate_of_another_host(shim, facts, servers_by_case, client, command, request):
    platform_of.note(request, facts, client.program)
    guest.refusal(shim, servers_by_case, client, command=command)


@pytest.mark.parametrize("certificate", ["good", "other host"])
@pytest.mark.parametrize("hardship", guest.HARDSHIPS)
@WAYS
def test_hardship_with_musl(shim, facts, command, hardship, certificate, request):
    """Under each hardship, a whole session works, and a server with another host's certificate is refused."""
    platform_of.note(request, facts, hardship)
    shim.hardship = hardship
    guest.careless_session(shim, POP3, certificate, ["careless", "localhost", "{port}"], command=command)

"""Programs built with ASan, UBSan or TSan, with the normal library and with one built the same way: no report, and a normal
session, both on a connection that the program makes and on one that it inherits."""
import re
import subprocess

import pytest
from support.hostile import Hostile
from support.play import honest
from support.protocols import POP3
from support.shim import LIBRARY, PROGRAMS, ROOT
from support.tap import Tap

pytestmark = pytest.mark.slow
KINDS = {"asan": ("address,undefined", "libasan.so"), "tsan": ("thread", "libtsan.so")}


@pytest.fixture(scope="module", params=KINDS)
def sanitized(request, tmp_path_factory):
    """A program and a library built with the sanitizer, and the sanitizer's runtime, which must be preloaded first."""
    flags, runtime = KINDS[request.param]
    program = tmp_path_factory.mktemp(request.param) / "careless"
    subprocess.run(["gcc", "-g", f"-fsanitize={flags}", "-D_GNU_SOURCE", "-o", program,
                    ROOT / "tests/e2e/programs/careless.c"], check=True)
    library = ROOT / "build" / request.param / "libretrotls.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    # Other workers make the same.
    subprocess.run(["flock", library.parent, "make", "-s", f"SANITIZE={flags}", "OPTIMIZE=-O1", f"BUILD=build/{request.param}",
                    library.relative_to(ROOT)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    runtime = subprocess.run(["gcc", f"-print-file-name={runtime}"], capture_output=True, text=True, check=True)
    return program, library, runtime.stdout.strip()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("alike", [False, True], ids=["library as it is", "library alike"])
@pytest.mark.parametrize("handed_down", [False, True], ids=["own", "handed down"])
def test_sanitizers_have_nothing_to_say(shim, sanitized, alike, handed_down):
    program, library, runtime = sanitized
    environment = {"LD_PRELOAD": f"{runtime}:{library if alike else LIBRARY}", "UBSAN_OPTIONS": "halt_on_error=1"}
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        words = [PROGRAMS / "connector", "127.0.0.1", tap.port, "20", "--", program, "-", "20"] if handed_down else \
            [program, "localhost", tap.port]
        result = shim.run(*words, stdin=POP3.words, env=environment).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == POP3.words and re.match(POP3.upgraded, result.out), result.show()
    assert result.err == b"read: end of stream\n", result.show()
    tap.saw_only_tls_after(POP3.preamble)

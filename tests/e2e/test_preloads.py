"""Other preloads together with the library: proxies (proxychains, torsocks) through a SOCKS server, fakeroot, jemalloc,
libeatmydata; also valgrind. In both orders where the order matters."""
import contextlib
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support import certs, loopback, protocols
from support.late import path
from support.play import honest, plaintext_only
from support.protocols import POP3, SECRET, SENDER
from support.shim import COMMAND, PROGRAMS

LIB = Path("/usr/lib/x86_64-linux-gnu")
PRELOADS = {"proxychains": LIB / "libproxychains.so.4", "torsocks": LIB / "torsocks/libtorsocks.so"}
# torsocks refuses connections to loopback addresses, and passes names under .onion to its proxy.
HOSTS = {"proxychains": "localhost", "torsocks": "mail.onion"}
EACH_PROXY = pytest.mark.parametrize("proxy", PRELOADS)


def needs(*files):
    for file in files:
        assert Path(file).exists(), f"{file} is not installed"


@contextlib.contextmanager
def socks_server(shim):
    """Runs microsocks, for which mail.onion is this machine, and configures both preloads to use it."""
    needs("/usr/bin/microsocks", *PRELOADS.values())
    address, port = loopback.own_address(), 10080
    process = subprocess.Popen(["microsocks", "-i", address, "-p", str(port)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={"PATH": "/usr/bin", "LD_PRELOAD": PROGRAMS / "resolver.so",
                                                               "RETROTLS_TEST_HOSTS": "mail.onion=127.0.0.1"})
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection((address, port)):
                break
            assert time.monotonic() < deadline and process.poll() is None, "no SOCKS server"
            time.sleep(0.02)
        chains, tor = shim.folder / "proxychains.conf", shim.folder / "torsocks.conf"
        chains.write_text(f"strict_chain\nproxy_dns\n[ProxyList]\nsocks5 {address} {port}\n")
        tor.write_text(f"TorAddress {address}\nTorPort {port}\n")
        shim.environment |= {"PROXYCHAINS_CONF_FILE": str(chains), "PROXYCHAINS_QUIET_MODE": "1",
                             "TORSOCKS_CONF_FILE": str(tor), "TORSOCKS_LOG_LEVEL": "2"}
        yield port
    finally:
        process.kill()
        process.wait()


def preloads(shim, *libraries):
    return {"LD_PRELOAD": ":".join(str(library) for library in libraries)}


def guard(shim, tap, level="secure"):
    shim.policy(f"match port {tap.port}\n protocol pop3\n level {level}\n name localhost\n"
                f" ca-file {certs.authority().pem}\n")


def upgraded(tap, result):
    tap.saw_only_tls_after(POP3.preamble)
    tap.never_saw(SECRET, SENDER)
    assert tap.server_side.over_tls == POP3.words, result.show()
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


@EACH_PROXY
def test_proxy_behind_the_library(shim, proxy):
    """connect() reaches the mail server through the proxy's preload; TLS goes through the tunnel."""
    with socks_server(shim), path(honest(POP3)) as tap:
        guard(shim, tap)
        result = shim.run(PROGRAMS / "careless", HOSTS[proxy], tap.port, stdin=POP3.words,
                          env=preloads(shim, shim.library, PRELOADS[proxy])).ok()
    assert re.match(POP3.upgraded, result.out)
    upgraded(tap, result)


@EACH_PROXY
def test_proxy_in_front_of_the_library_fails_closed(shim, proxy):
    """The library sees only the connect() to the proxy. The request to the proxy shows where the program is going, and the
    library stops it."""
    with socks_server(shim), path(honest(POP3)) as tap:
        guard(shim, tap)
        result = shim.run(PROGRAMS / "careless", HOSTS[proxy], tap.port, stdin=POP3.words,
                          env=preloads(shim, PRELOADS[proxy], shim.library))
    assert result.status == 1 and result.out == b"", result.show()
    assert tap.recordings == [], tap.transcript()
    assert [line["result"] for line in result.lines] == ["failed"], result.show()
    assert "comes before retrotls" in result.log and "first in LD_PRELOAD" in result.log


@EACH_PROXY
@pytest.mark.parametrize("level", ["may", "secure\n testing yes"], ids=["may", "testing"])
def test_proxy_in_front_where_plaintext_is_allowed(shim, proxy, level):
    with socks_server(shim), path(plaintext_only(POP3)) as tap:
        guard(shim, tap, level)
        result = shim.run(PROGRAMS / "careless", HOSTS[proxy], tap.port, stdin=POP3.words,
                          env=preloads(shim, PRELOADS[proxy], shim.library)).ok()
    assert tap.up == POP3.words and [line["result"] for line in result.lines] == ["plaintext"], result.show()


@EACH_PROXY
@pytest.mark.parametrize("first", ["proxy", "library"])
def test_through_a_proxy_to_what_no_rule_is_about(shim, proxy, first):
    with socks_server(shim), path(plaintext_only(POP3)) as tap:
        shim.policy("match port 1\n level secure\n")
        libraries = [PRELOADS[proxy], shim.library]
        result = shim.run(PROGRAMS / "careless", HOSTS[proxy], tap.port, stdin=POP3.words,
                          env=preloads(shim, *(libraries if first == "proxy" else libraries[::-1]))).ok()
    assert tap.up == POP3.words and result.log == "", result.show()


@pytest.mark.parametrize("wrapper", ["proxychains4", "torsocks"])
def test_command_under_a_wrapper(shim, wrapper):
    """`proxychains4 retrotls PROGRAM`: the command puts its library first."""
    needs(f"/usr/bin/{wrapper}")
    proxy = wrapper.removesuffix("4")
    with socks_server(shim), path(honest(POP3)) as tap:
        guard(shim, tap)
        quiet = ["-q"] if wrapper == "proxychains4" else []
        result = shim.run(wrapper, *quiet, COMMAND, PROGRAMS / "careless", HOSTS[proxy], tap.port, stdin=POP3.words,
                          preload=False).ok()
    upgraded(tap, result)


def test_wrapper_under_the_command_fails_closed(shim):
    """`retrotls proxychains4 PROGRAM`: the wrapper puts its own library first."""
    needs("/usr/bin/proxychains4")
    with socks_server(shim), path(honest(POP3)) as tap:
        guard(shim, tap)
        result = shim.run("proxychains4", "-q", PROGRAMS / "careless", "localhost", tap.port, stdin=POP3.words,
                          command=True)
    assert result.status != 0 and tap.recordings == [], result.show()


def test_curl_through_proxychains(shim):
    """curl makes a nonblocking connect(), which proxychains turns into a blocking one."""
    needs("/usr/bin/curl")

    def scenario(s):
        protocols.upgrade(s, POP3, certs.case("good"))
        while s.line() != b"LIST":
            s.send(b"+OK\r\n.\r\n" if s.over_tls.endswith(b"CAPA\r\n") else b"+OK\r\n")
        s.send(b"+OK\r\n.\r\n")
        s.shut()
    with socks_server(shim), path(scenario) as tap:
        guard(shim, tap)
        result = shim.run("curl", "-sS", "-m", "30", "-u", f"test:{SECRET.decode()}", f"pop3://localhost:{tap.port}/",
                          env=preloads(shim, shim.library, PRELOADS["proxychains"]))
    tap.saw_only_tls_after(POP3.preamble)
    tap.never_saw(SECRET)
    # The program's own CAPA shows that the server speaks POP3. The scenario keeps it apart.
    heard = tap.server_side.questions + tap.server_side.over_tls
    assert heard.startswith(b"CAPA\r\n") and heard.endswith(b"LIST\r\n"), result.show()
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


# Preloads that have nothing to do with connections.

OTHERS = {"jemalloc": LIB / "libjemalloc.so.2", "eatmydata": LIB / "libeatmydata.so",
          "fakeroot": LIB / "libfakeroot/libfakeroot-sysv.so"}


@pytest.mark.parametrize("first", ["other", "library"])
@pytest.mark.parametrize("other", OTHERS)
def test_beside_another_preload(shim, other, first):
    needs(OTHERS[other])
    libraries = [OTHERS[other], shim.library]
    with path(honest(POP3)) as tap:
        guard(shim, tap)
        result = shim.run(PROGRAMS / "careless", "localhost", tap.port, stdin=POP3.words,
                          env=preloads(shim, *(libraries if first == "other" else libraries[::-1]))).ok()
    upgraded(tap, result)


@pytest.mark.parametrize("order", [["fakeroot"], ["eatmydata"]], ids=lambda o: o[0])
@pytest.mark.parametrize("outer", ["command", "wrapper"])
def test_wrapper_of_another_preload(shim, order, outer):
    needs(f"/usr/bin/{order[0]}")
    careless = [PROGRAMS / "careless", "localhost"]
    with path(honest(POP3)) as tap:
        guard(shim, tap)
        words = [COMMAND, *order, *careless] if outer == "command" else [*order, COMMAND, *careless]
        result = shim.run(*words, tap.port, stdin=POP3.words, preload=False).ok()
    upgraded(tap, result)


@pytest.mark.slow
def test_valgrind_has_nothing_to_say(shim):
    """valgrind reports no errors in the library, and none because of it."""
    needs("/usr/bin/valgrind")
    with path(honest(POP3)) as tap:
        guard(shim, tap)
        result = shim.run("valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite",
                          PROGRAMS / "careless", "localhost", tap.port, stdin=POP3.words).ok()
    upgraded(tap, result)
    assert b"ERROR SUMMARY: 0 errors" in result.err, result.show()

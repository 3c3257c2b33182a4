"""Plugins that a program loads with dlopen(3), also with RTLD_DEEPBIND, as PHP loads its extensions. With that flag their
symbols resolve to libc, past every preload."""
import re
import subprocess

import pytest
from support import i386
from support.late import path, upgraded
from support.play import honest
from support.protocols import POP3
from support.shim import BUILD


PLUGIN = r"""
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the plugin's own, although libc has one: that it means its own is what the flag is for. */
ssize_t splice(int a, void *b, int c, void *d, size_t e, unsigned f) { return 4711; }

/* By an address in a table, by a call, and through a library of its own. */
static int (*const table[])(int, const struct sockaddr *, socklen_t) = {connect};
ssize_t helper_write(int fd, const char *bytes, size_t size);

int talk(const char *host, const char *port, const char *words)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    char line[4096];
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (getenv("DEEP") && splice(0, 0, 0, 0, 0, 0) != 4711)
        return 9;
    if (getaddrinfo(host, port, &hints, &found) || table[0](fd, found->ai_addr, found->ai_addrlen))
        return 2;
    got = recv(fd, line, sizeof line, 0);
    fwrite(line, 1, got > 0 ? got : 0, stdout);
    if (helper_write(fd, words, strlen(words)) < 0)
        return 3;
    while ((got = read(fd, line, sizeof line)) > 0)
        fwrite(line, 1, got, stdout);
    return 0;
}
"""
HELPER = r"""
#include <unistd.h>
ssize_t helper_write(int fd, const char *bytes, size_t size) { return write(fd, bytes, size); }
"""
PROGRAM = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *plugin = dlopen(argv[1], atoi(argv[2]));
    const char *error = dlerror();
    int (*talk)(const char *, const char *, const char *);
    if (!plugin || error) {
        fprintf(stderr, "%s\n", error);
        return 8;
    }
    talk = (int (*)(const char *, const char *, const char *))dlsym(plugin, "talk");
    return talk(argv[3], argv[4], getenv("WORDS"));
}
"""
LAZY, NOW, LOCAL, DEEP = 1, 2, 0, 8  # dlfcn.h


@pytest.fixture
def plugin(shim):
    """Compiles plugin, helper and program, and runs the program."""
    folder = shim.folder / "plugin"
    folder.mkdir()

    def gcc(source, output, *flags):
        subprocess.run(["gcc", "-w", *flags, "-x", "c", "-", "-x", "none", "-o", folder / output,
                        *(["-L" + str(folder), "-lhelper", "-Wl,-rpath,$ORIGIN"] if source is PLUGIN else [])],
                       input=source, text=True, check=True)

    def run(port, flags, name=None, linked=(), bits=64, traced=()):
        kind = i386.GCC_FLAGS if bits == 32 else []
        if bits == 32:
            shim.library = BUILD / "lib32" / "libretrotls.so"
        gcc(HELPER, "libhelper.so", "-shared", "-fPIC", *kind)
        gcc(PLUGIN, "plugin.so", "-shared", "-fPIC", *kind, *linked)
        gcc(PROGRAM, "program", f"-Wl,-rpath,{folder}", *kind)
        tracer = ["strace", "-D", "-qq", *traced, "-E", f"LD_PRELOAD={shim.library}"] if traced else []
        return shim.run(*tracer, folder / "program", name or folder / "plugin.so", flags, "localhost", port,
                        preload=not traced, env={"WORDS": POP3.words.decode(), **({"DEEP": "1"} if flags & DEEP and not name else {})})
    return run


@pytest.mark.parametrize("linked", [[], ["-Wl,-z,relro,-z,now"], ["-Wl,-z,lazy"]], ids=["", "relro", "lazily"])
@pytest.mark.parametrize("flags", [NOW, NOW | DEEP, LAZY | DEEP], ids=["usual", "deep", "deep and lazy"])
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.skipif(
    not (BUILD / "lib32").exists(), reason="there is no library for 32 bits"))])
def test_plugin_is_watched(shim, plugin, flags, linked, bits):
    with path(honest(POP3)) as tap:
        shim.guard(tap.port, "secure", "pop3")
        result = plugin(tap.port, flags, linked=linked, bits=bits).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out), result.show()


@pytest.mark.parametrize("flags", [NOW, NOW | DEEP], ids=["usual", "deep"])
def test_plugin_is_found_where_the_program_looks_for_it(shim, plugin, flags):
    """dlopen() searches the caller's DT_RUNPATH, and the caller must be the program, not the library."""
    with path(honest(POP3)) as tap:
        shim.guard(tap.port, "secure", "pop3")
        plugin(tap.port, flags, name="plugin.so").ok()
    upgraded(tap, POP3)


def test_plugin_that_cannot_be_led_back(shim, plugin):
    """For each mprotect() during the plugin's loading, we make that one and all later ones fail. The plugin is loaded without the
    flag or not at all, but sends nothing in clear."""
    trace = shim.folder / "trace"

    def session(*traced):
        with path(honest(POP3)) as tap:
            shim.guard(tap.port, "secure", "pop3")
            result = plugin(tap.port, NOW | DEEP, linked=["-Wl,-z,relro,-z,now"], traced=traced)
        tap.wait_closed()
        assert b"secret" not in tap.clear_up(), (traced, tap.clear_up(), result.show())
        return result, tap

    result, tap = session("-e", "trace=openat,mprotect", "-o", trace)
    upgraded(tap, POP3)
    lines = trace.read_text().splitlines()
    opened = next(index for index, line in enumerate(lines) if "plugin.so" in line)
    calls = [index for index, line in enumerate(lines) if line.startswith("mprotect(")]
    later = [number for number, index in enumerate(calls, 1) if index > opened]
    assert len(later) > 3  # ld.so's own, and two by the library for each reference
    worked = [number for number in later if session(
        "-e", "trace=mprotect", "-o", "/dev/null", "-e", f"inject=mprotect:error=ENOMEM:when={number}+")[0].status == 0]
    assert worked, later  # without the flag

"""retrotls doctor: what it reports about programs within reach, and why others are out of reach."""
import re
import shutil

import pytest

from support.shim import BUILD
from support.tables import CALLS
from support.tree import GO_NOTE, PROGRAM, assert_fits, compile_c, on_terminal, one_line

CLIENT = """
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>
int main(void)
{
    dlopen("plugin.so", RTLD_NOW);
    gethostbyname("localhost");
    return connect(0, 0, 0);
}
"""


def test_doctor_shows_what_a_client_calls_and_which_policy_applies(tree):
    compile_c(CLIENT, tree.folder / "client")
    (tree.folder / "policy").write_text("match program client port 143\n    level encrypt\n"
                                        "match program client port 25\n    level none\n")
    (tree.folder / "policy").chmod(0o600)
    result = tree.run("-p", "policy", "doctor", "./client", LANG="C")
    out = result.stdout
    assert (result.returncode, result.stderr) == (0, "")
    assert "./client is within reach." in out
    assert re.search(r"^Program +64-bit x86-64, dynamically linked, glibc$", out, re.M)
    assert re.search(rf"^Library +{tree.folder}/libretrotls.so$", out, re.M)
    assert re.search(r"^ +client +gethostbyname connect$", out, re.M)
    assert "dlopen" in out and "no TLS library that retrotls knows" in one_line(out)
    assert re.search(rf"^ +143  imap +encrypt +{tree.folder}/policy:1$", out, re.M)
    assert re.search(rf"^ +25  smtp +none +{tree.folder}/policy:3$", out, re.M)
    assert re.search(r"^ +110  pop3 +secure +", out, re.M)
    assert_fits(out)
    assert out.isascii()


def test_doctor_looks_into_libraries(tree):
    """The imports of libraries count too: a program may connect through one library, and do TLS through another."""
    for name, text in ("libmail", CLIENT.replace("main", "mail")), ("libgnutls", "int tls(void) { return 1; }"), \
            ("libcares", "int ask(void) { return 1; }"), ("liburing", "int ring(void) { return 1; }"):
        compile_c(text, tree.folder / f"{name}.so.1", "-shared", "-fPIC", f"-Wl,-soname,{name}.so.1")
    compile_c("int main(void) { return 0; }", tree.folder / "client", "-Wl,--no-as-needed",
              *(tree.folder.glob("lib*.so.1")), f"-Wl,-rpath,{tree.folder}")
    shutil.copy(BUILD / "retrotls-supervise", tree.folder)
    out = tree.run("doctor", "./client").stdout
    assert re.search(r"^ +libmail.so.1 +gethostbyname connect$", out, re.M)
    assert "It links libgnutls.so.1, so it can do TLS itself" in one_line(out)
    assert "look up names with libcares.so.1, which retrotls does not watch" in one_line(out)
    assert "It links liburing" in one_line(out)
    assert "dlopen" not in out


def imports(tree, *calls):
    """What doctor says of a program whose library imports these calls."""
    shutil.rmtree(tree.folder / "importing", ignore_errors=True)
    (tree.folder / "importing").mkdir()
    library = tree.folder / "importing/libcalls.so"
    compile_c("".join(f"extern void {call}(void);" for call in calls) +
              "void all(void) {" + "".join(f"{call}();" for call in calls) + "}", library,
              "-w", "-fno-builtin", "-shared", "-fPIC", "-Wl,-soname,libcalls.so")
    compile_c("int main(void) { return 0; }", tree.folder / "client", "-Wl,--no-as-needed", library,
              "-Wl,--allow-shlib-undefined", f"-Wl,-rpath,{library.parent}")
    return one_line(tree.run("doctor", "./client").stdout)


def test_doctor_knows_each_call_that_the_library_stands_in_front_of(tree):
    """Except the calls that every program imports: they would say nothing about it."""
    shown = [call for call, kind in CALLS.items() if kind != "NOT_SHOWN"]
    assert {"getnameinfo", "gethostbyaddr", "gethostbyaddr_r", "__recvmsg64"} < set(shown) and "read" not in shown
    said = imports(tree, *CALLS).partition(" libcalls.so ")[2].partition(" What that means")[0].split()
    assert said == [*(call for call in shown if CALLS[call] == "LOOKS_UP"),
                    *(call for call in shown if CALLS[call] == "SHOWN")]


@pytest.mark.parametrize("call", [call for call, kind in CALLS.items() if kind == "LOOKS_UP"] + ["getnameinfo", "read"])
def test_doctor_knows_which_calls_look_names_up(tree, call):
    assert ("Nothing here looks up names with the C library" in imports(tree, "connect", call)) == (CALLS[call] != "LOOKS_UP")


def test_doctor_tells_a_program_that_connects_by_itself_and_asks_nobody(tree, built):
    assert "Nothing here imports connect()" in one_line(tree.run("doctor", built / "program").stdout)
    compile_c("int connect(); int main(void) { return connect(); }", tree.folder / "numeric", "-w")
    assert "Nothing here looks up names with the C library" in one_line(tree.run("doctor", "./numeric").stdout)


def test_doctor_tells_who_runs_a_script(tree):
    script = tree.folder / "script"
    script.write_text("#!/usr/bin/env sh\n")
    script.chmod(0o755)
    out = tree.run("doctor", "./script").stdout
    assert "./script is within reach." in out
    assert re.search(r"^Run by +/usr/bin/env\n +/usr/bin/sh$", out, re.M)


def test_doctor_tells_why_a_program_is_out_of_reach(tree):
    compile_c(PROGRAM, tree.folder / "static", "-static")
    compile_c(PROGRAM + GO_NOTE, tree.folder / "go")
    compile_c(PROGRAM, tree.folder / "small", compiler="musl-gcc")
    compile_c(PROGRAM, tree.folder / "orphan", "-Wl,--dynamic-linker=/nonexistent/ld-linux-x86-64.so.2")
    for name, words in [("static", "is statically linked"), ("go", "is a Go program"),
                        ("small", "with musl, and there is no libretrotls.so"),
                        ("orphan", "/nonexistent/ld-linux-x86-64.so.2")]:
        result = tree.run("doctor", f"./{name}")
        assert (result.returncode, result.stderr) == (1, "")
        assert f"./{name} is out of reach." in result.stdout
        assert words in one_line(result.stdout)
        assert_fits(result.stdout)
    assert tree.run("doctor", "no-such-program").returncode == 127
    assert tree.run("doctor", "/etc/passwd").returncode == 126


def test_doctor_tells_who_asks_what_others_would_see(tree, built):
    """For its owner, setuid makes no difference. For everyone else, the loader ignores the preload."""
    shutil.copy(built / "program", tree.folder / "own")
    assert "out of reach" not in tree.run("doctor", "./own").stdout
    (tree.folder / "own").chmod(0o4755)
    result = tree.run("doctor", "./own")
    assert result.returncode == 0 and "is within reach" in result.stdout
    assert "For a user to whom it gives rights, it is out of reach" in one_line(result.stdout)


def test_doctor_runs_nothing_of_the_program(tree):
    """Neither its constructors, nor those of its libraries, nor a loader that comes with it."""
    trap = 'puts("it ran"); fflush(stdout);'
    code = "#include <stdio.h>\n__attribute__((constructor)) static void ran(void) { %s }\n" % trap
    compile_c(code, tree.folder / "libtrap.so", "-shared", "-fPIC", "-Wl,-soname,libtrap.so")
    compile_c(code + "int main(void) { return 0; }", tree.folder / "trap", "-Wl,--no-as-needed",
              tree.folder / "libtrap.so", f"-Wl,-rpath,{tree.folder}")
    result = tree.run("doctor", "./trap")
    assert "is within reach" in result.stdout and "it ran" not in result.stdout
    loader = compile_c(code + "int main(void) { return 0; }", tree.folder / "ld-linux-x86-64.so.2")
    loader.chmod(0o777)
    compile_c(PROGRAM, tree.folder / "brings", f"-Wl,--dynamic-linker={loader}")
    result = tree.run("doctor", "./brings")
    assert result.returncode == 1 and "not the system's own loader" in one_line(result.stdout)
    assert "it ran" not in result.stdout


def test_doctor_does_not_let_a_file_write_to_the_terminal(tree):
    compile_c("int bad(void) { return 1; }", tree.folder / "libbad.so", "-shared", "-fPIC", "-Wl,-soname,lib\033[31m.so")
    compile_c("int main(void) { return 0; }", tree.folder / "client", "-Wl,--no-as-needed", tree.folder / "libbad.so")
    for arguments in ["doctor", "./client"], ["./client"]:
        result = tree.run(*arguments)
        assert "lib?[31m.so" in one_line(result.stdout + result.stderr)
        assert "\033" not in result.stdout + result.stderr


def test_doctor_says_that_the_policy_is_in_error(tree):
    (tree.folder / "policy").write_text("levle secure\n")
    (tree.folder / "policy").chmod(0o600)
    result = tree.run("-p", "policy", "doctor", "sh")
    assert re.search(r"^ +143  imap +\(fails\) +the policy has errors$", result.stdout, re.M)
    assert f"{tree.folder}/policy:1:1:" in result.stdout


def test_colour_is_for_terminals_and_not_with_no_color(tree):
    assert "\033[" in on_terminal(tree, 80, "doctor", "sh")
    assert "\033[" not in on_terminal(tree, 80, "doctor", "sh", NO_COLOR="1")
    assert "\033[" in on_terminal(tree, 80, "doctor", "sh", NO_COLOR="")
    assert "\033[" not in tree.run("doctor", "sh").stdout


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_doctor_fits_any_terminal(tree, columns):
    for out in on_terminal(tree, columns, "doctor", "mutt", NO_COLOR="1"), \
            tree.run("doctor", "mutt", COLUMNS=str(columns), LANG="C").stdout:
        assert "is within reach" in out and "Policy for its connections" in one_line(out)
        assert_fits(out.replace(str(tree.folder), "X"), columns)
        assert max(map(len, out.splitlines())) > columns / 2

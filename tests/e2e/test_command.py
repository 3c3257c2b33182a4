"""What a person meets who runs the command: what it starts, what it refuses and how it says so, and doctor.

Most tests run a copy of the command in a folder of its own, with small libraries beside it that only tell that they
were loaded: which one is chosen for which program, and whether the program starts at all, is what is looked at here.
"""
import fcntl
import os
import pty
import re
import shutil
import stat
import struct
import subprocess
import tempfile
import termios
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("RETROTLS_BUILD", Path(__file__).resolve().parents[2] / "build"))
ROOT = os.geteuid() == 0
NOBODY = 65534

STUB = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void tell(void)
{
    if (getenv("TELL") && write(2, NAME "\\n", sizeof NAME) < 0)
        abort();
}
"""
PROGRAM = """
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    printf("%s|", preload ? preload : "");
    for (int i = 0; i < argc; i++)
        printf("%s|", argv[i]);
    return argc > 1 ? atoi(argv[1]) : 0;
}
"""
GO_NOTE = """
__asm__(".pushsection .note.go.buildid,\\"a\\",@note\\n.long 4,4,4\\n.ascii \\"Go\\\\0\\\\0abcd\\"\\n.popsection");
"""


def compile_c(text, out, *flags, compiler="gcc"):
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-x", "c", "-", "-x", "none", "-o", out, *flags], input=text.encode(), check=True)
    return out


def library(out, name, *flags, **more):
    return compile_c(STUB, out, f'-DNAME="{name}"', "-shared", "-fPIC", *flags, **more)


class Tree:
    """A build tree: the command, and stubs for libraries."""

    def __init__(self, folder, bin_folder="."):
        self.folder = folder
        self.command = folder / bin_folder / "retrotls"
        self.command.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BUILD / "retrotls", self.command)

    def run(self, *arguments, user=None, **environment):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "RETROTLS_POLICY": "", "TELL": "1", **environment}
        return subprocess.run([self.command, *arguments], env=env, capture_output=True, text=True, timeout=60,
                              cwd=self.folder, user=user, group=user, extra_groups=[] if user else None)


@pytest.fixture(scope="session")
def built():
    """Where programs and libraries are built once. Everybody may read it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        folder = Path(folder)
        library(folder / "native.so", "native")
        compile_c(PROGRAM, folder / "program")
        yield folder


@pytest.fixture
def tree(built):
    """A tree with a native library, in a folder that everybody may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        tree = Tree(Path(folder))
        shutil.copy(built / "native.so", tree.folder / "libretrotls.so")
        yield tree


def one_line(text):
    """A message without its line breaks."""
    return " ".join(text.split())


def assert_refused(result, status, *words):
    """The program did not start, and the message says why, within 80 columns."""
    assert result.returncode == status, result
    assert result.stdout == ""
    for word in words:
        assert word in one_line(result.stderr)
    assert_fits(result.stderr)


def assert_fits(text, columns=80):
    # A word longer than the line, as a path can be, stands alone on it.
    assert all(len(line) < columns or " " not in line.strip() for line in text.splitlines()), text


# ---- running a program

def test_program_gets_the_library_its_arguments_and_its_own_status(tree, built):
    result = tree.run(built / "program", "7", "-v", "--", "a b", "")
    assert result.returncode == 7
    assert result.stdout == f"{tree.folder}/libretrotls.so|{built}/program|7|-v|--|a b||"
    assert result.stderr == "native\n"


def test_program_is_found_in_path_and_called_by_the_name_given(tree, built):
    result = tree.run("program", PATH=f"/nonexistent:{built}:/usr/bin")
    assert result.stdout == f"{tree.folder}/libretrotls.so|program|"


@pytest.mark.parametrize("earlier, wanted", [
    ("/lib/other.so", ":/lib/other.so"),
    ("/lib/a.so /lib/b.so:/lib/c.so", ":/lib/a.so:/lib/b.so:/lib/c.so"),
    ("/lib/a.so:{own}", ":/lib/a.so"),
    ("{own}", ""),
    ("/elsewhere/libretrotls.so libretrotls.so /lib/notlibretrotls.so", ":/lib/notlibretrotls.so"),
    ("", ""),
    (" : ", ""),
])
def test_earlier_preloads_stay_behind_ours_which_comes_once(tree, built, earlier, wanted):
    own = f"{tree.folder}/libretrotls.so"
    # The loader of the command itself complains of what is not there; that is not ours.
    result = tree.run(built / "program", LD_PRELOAD=earlier.format(own=own))
    assert result.stdout == f"{own}{wanted}|{built}/program|"


def test_scripts_are_run(tree):
    for name, text in {
        "plain": "#!/bin/sh\necho $LD_PRELOAD $*\n",
        "by-env": "#!/usr/bin/env sh\necho $LD_PRELOAD $*\n",
        "split": "#!/usr/bin/env -S A=1 sh -e\necho $LD_PRELOAD $*\n",
        "nested": f"#!{tree.folder}/relay-to\n",
        "relay-to": f"#!/usr/bin/env sh\nexec sh {tree.folder}/plain x y\n",
        "bare": "echo $LD_PRELOAD $*\n",
    }.items():
        script = tree.folder / name
        script.write_text(text)
        script.chmod(0o755)
    for name in "plain", "by-env", "split", "nested", "bare":
        result = tree.run(tree.folder / name, "x", "y")
        assert (result.returncode, result.stdout) == (0, f"{tree.folder}/libretrotls.so x y\n"), (name, result)


def test_verbose_logs_to_standard_error(tree):
    assert tree.run("printenv", "RETROTLS_LOG").stdout == ""
    assert tree.run("-v", "printenv", "RETROTLS_LOG").stdout == "stderr\n"
    assert tree.run("--verbose", "printenv", "RETROTLS_LOG").stdout == "stderr\n"


def test_policy_is_made_absolute_and_checked(tree):
    (tree.folder / "policy").write_text("level encrypt\n")
    (tree.folder / "policy").chmod(0o600)
    for option in ["-p", "policy"], ["-ppolicy"], ["--policy=policy"], [f"--policy={tree.folder}/policy"]:
        assert tree.run(*option, "printenv", "RETROTLS_POLICY").stdout == f"{tree.folder}/policy\n"


def test_policy_in_error_starts_nothing(tree):
    policy = tree.folder / "policy"
    policy.write_text("levle secure\nlevel sceure\n")
    policy.chmod(0o600)
    result = tree.run("-p", "policy", "echo", "started")
    assert_refused(result, 126, f"{policy}:1:1:", f"{policy}:2:7:", "nothing was started")
    assert_refused(tree.run("-p", "missing", "echo", "started"), 126, f"{tree.folder}/missing")
    assert_refused(tree.run("echo", "started", RETROTLS_POLICY=str(policy)), 126, "nothing was started")
    (tree.folder / ".config/retrotls").mkdir(parents=True)
    shutil.copy(policy, tree.folder / ".config/retrotls/policy")
    assert_refused(tree.run("echo", "started"), 126, "nothing was started")


# ---- what is refused

def test_missing_program(tree):
    assert_refused(tree.run("no-such-program"), 127, "no program 'no-such-program' in PATH")
    assert_refused(tree.run("./missing"), 127, "./missing: No such file or directory")
    assert_refused(tree.run("/etc/passwd/x"), 127, "/etc/passwd/x: Not a directory")
    script = tree.folder / "lost"
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    assert_refused(tree.run("./lost"), 127, "./lost is run by /nonexistent/interpreter")


def test_what_may_not_be_executed(tree):
    assert_refused(tree.run("/etc/passwd"), 126, "/etc/passwd: Permission denied")
    assert_refused(tree.run("/etc"), 126, "/etc: Permission denied")


def test_static_program(tree):
    compile_c(PROGRAM, tree.folder / "static", "-static")
    assert_refused(tree.run("./static"), 126, "./static is statically linked")
    compile_c(PROGRAM, tree.folder / "static-pie", "-static-pie")
    assert_refused(tree.run("./static-pie"), 126, "./static-pie is statically linked")


def test_go_program(tree):
    compile_c(PROGRAM + GO_NOTE, tree.folder / "go", "-static")
    assert_refused(tree.run("./go"), 126, "./go is a Go program")
    compile_c(PROGRAM + GO_NOTE, tree.folder / "go-dynamic")
    assert_refused(tree.run("./go-dynamic"), 126, "./go-dynamic is a Go program")


@pytest.mark.root
@pytest.mark.skipif(not ROOT, reason="to give a file away takes root")
def test_program_setuid_or_setgid_to_another(tree, built):
    for name, owner, group, mode, words in [("setuid", NOBODY, 0, 0o4755, "is setuid nobody"),
                                            ("setgid", 0, NOBODY, 0o2755, "is setgid nogroup")]:
        shutil.copy(built / "program", tree.folder / name)
        os.chown(tree.folder / name, owner, group)
        (tree.folder / name).chmod(mode)
        assert_refused(tree.run(f"./{name}"), 126, words, "ignores LD_PRELOAD")
    shutil.copy(built / "program", tree.folder / "own")
    (tree.folder / "own").chmod(0o6755)
    assert tree.run("./own").returncode == 0


@pytest.mark.skipif(ROOT, reason="to root it is its own")
def test_program_setuid_root(tree):
    su = shutil.which("su", path="/bin:/usr/bin")
    assert stat.S_IMODE(os.stat(su).st_mode) & stat.S_ISUID
    assert_refused(tree.run(su), 126, f"{su} is setuid root", "sudo retrotls PROGRAM")


@pytest.mark.root
@pytest.mark.skipif(not ROOT, reason="to set capabilities takes root")
def test_program_with_capabilities_is_refused_to_all_but_root(tree, built):
    shutil.copy(built / "program", tree.folder / "capable")
    subprocess.run(["setcap", "cap_net_bind_service+ep", tree.folder / "capable"], check=True)
    assert_refused(tree.run("./capable", user=NOBODY), 126, "./capable has file capabilities")
    assert tree.run("./capable").returncode == 0
    assert tree.run(built / "program", user=NOBODY).returncode == 0


def test_environment_cleared_by_the_first_line(tree):
    script = tree.folder / "clears"
    script.write_text("#!/usr/bin/env -S -i sh\necho started\n")
    script.chmod(0o755)
    assert_refused(tree.run("./clears"), 126, "clear the environment", "'retrotls INTERPRETER ./clears'")


@pytest.mark.parametrize("wrapper", ["proxychains4", "torsocks"])
def test_wrapper_that_puts_its_library_before_ours(tree, wrapper):
    script = tree.folder / wrapper
    script.write_text("#!/bin/sh\necho started\n")
    script.chmod(0o755)
    assert_refused(tree.run(wrapper, "true", PATH=f"{tree.folder}:/usr/bin:/bin"), 126,
                   f"'{wrapper} retrotls PROGRAM'")


# ---- the library that fits

def test_program_of_another_class(tree):
    """A 32-bit program gets the 32-bit library; where there is none, it does not run without."""
    compile_c(PROGRAM, tree.folder / "narrow", "-m32")
    assert_refused(tree.run("./narrow"), 126, "./narrow is built for 32-bit i386", "no libretrotls.so for that")
    library(tree.folder / "lib32/libretrotls.so", "narrow", "-m32")
    result = tree.run("./narrow")
    assert (result.stderr, result.stdout) == ("narrow\n", f"{tree.folder}/lib32/libretrotls.so|./narrow|")


def test_program_of_another_c_library(tree):
    compile_c(PROGRAM, tree.folder / "small", compiler="musl-gcc")
    assert_refused(tree.run("./small"), 126, "./small is built for 64-bit x86-64 with musl")
    library(tree.folder / "musl/libretrotls.so", "musl", compiler="musl-gcc")
    result = tree.run("./small")
    assert (result.stderr, result.stdout) == ("musl\n", f"{tree.folder}/musl/libretrotls.so|./small|")


def test_program_of_another_machine(tree, built):
    foreign = bytearray((built / "program").read_bytes())
    struct.pack_into("<H", foreign, 18, 183)  # e_machine: EM_AARCH64
    (tree.folder / "foreign").write_bytes(foreign)
    (tree.folder / "foreign").chmod(0o755)
    assert_refused(tree.run("./foreign"), 126, "./foreign is built for 64-bit AArch64")


def test_no_library_at_all(tree, built):
    (tree.folder / "libretrotls.so").unlink()
    assert_refused(tree.run(built / "program"), 126, "no libretrotls.so for that")
    (tree.folder / "libretrotls.so").write_text("not a library")
    assert_refused(tree.run(built / "program"), 126, "no libretrotls.so for that")


def test_library_that_the_loader_does_not_take(tree, built):
    """The loader itself would only print a line, and start the program without."""
    needed = library(tree.folder / "libneeded.so", "needed")
    library(tree.folder / "libretrotls.so", "native", "-Wl,--no-as-needed", needed)
    needed.unlink()
    assert_refused(tree.run(built / "program"), 126, "does not load it with", "libneeded.so: cannot open shared object file")


def test_library_that_asks_for_a_newer_c_library(tree, built):
    """As where it was built on another machine: the loader lists it, and then ends the program."""
    build = tree.folder / "build"
    versions = tree.folder / "map"
    for version in "NEW", "OLD":  # linked against NEW, and then there is only OLD
        versions.write_text(f"{version} {{ global: needed; }};")
        needed = compile_c("int needed(void) { return 1; }", build / "libneeded.so", "-shared", "-fPIC",
                           "-Wl,-soname,libneeded.so", f"-Wl,--version-script={versions}")
        if version == "NEW":
            compile_c(STUB + "int needed(void); int use(void) { return needed(); }", tree.folder / "libretrotls.so",
                      '-DNAME="native"', "-shared", "-fPIC", needed, f"-Wl,-rpath,{build}")
    assert_refused(tree.run(built / "program"), 126, "does not load", "version `NEW' not found")


def test_program_by_a_link_finds_its_libraries_beside_itself(tree):
    """As java does: $ORIGIN is the folder of the file itself, wherever the link to it is."""
    there = tree.folder / "there"
    compile_c("int beside(void) { return 0; }", there / "libbeside.so", "-shared", "-fPIC", "-Wl,-soname,libbeside.so")
    compile_c("int beside(void); int main(void) { return beside(); }", there / "linked", there / "libbeside.so",
              "-Wl,-rpath,$ORIGIN")
    (tree.folder / "link").symlink_to(there / "linked")
    subprocess.run([tree.folder / "link"], check=True)
    assert tree.run("./link").returncode == 0
    assert "is within reach" in tree.run("doctor", "./link").stdout


def test_program_without_its_loader(tree):
    compile_c(PROGRAM, tree.folder / "orphan", "-Wl,--dynamic-linker=/nonexistent/ld-linux-x86-64.so.2")
    assert_refused(tree.run("./orphan"), 126, "/nonexistent/ld-linux-x86-64.so.2: No such file or directory")


@pytest.mark.parametrize("name", ["with space", "with:colon"])
def test_path_that_ld_preload_cannot_carry(built, tmp_path, name):
    tree = Tree(tmp_path / name)
    shutil.copy(built / "native.so", tree.folder / "libretrotls.so")
    assert_refused(tree.run(built / "program"), 126, "has a space or a colon in its path")


def test_glob_characters_in_the_path_are_no_pattern(built, tmp_path):
    tree = Tree(tmp_path / "a[b]*")
    shutil.copy(built / "native.so", tree.folder / "libretrotls.so")
    assert tree.run(built / "program").stdout.startswith(f"{tree.folder}/libretrotls.so|")


def lib_of(tmp_path, *flags):
    """What the loader of a program built with these flags puts for $LIB."""
    probe = compile_c("int main(void) { return 0; }", tmp_path / "probe", *flags)
    headers = subprocess.run(["readelf", "-l", probe], capture_output=True, text=True, check=True).stdout
    loader = re.search(r"interpreter: ([^]]*)", headers).group(1)
    for lib in "lib/x86_64-linux-gnu", "lib/i386-linux-gnu", "lib64", "lib32", "lib":
        library(tmp_path / lib / "probe.so", lib, *flags)
    said = subprocess.run([loader, probe], env={"LD_PRELOAD": f"{tmp_path}/$LIB/probe.so", "TELL": "1"},
                          capture_output=True, text=True).stderr
    return said.strip()


def test_installed_library_is_named_by_lib_so_that_children_of_the_other_class_get_theirs(built, tmp_path):
    tree = Tree(tmp_path / "usr", "bin")
    for name, flags in ("native", []), ("narrow", ["-m32"]):
        lib = lib_of(tmp_path / name, *flags)
        library(tree.folder / lib / "libretrotls.so", name, *flags)
    narrow = compile_c(PROGRAM, tmp_path / "narrow-program", "-m32")
    result = tree.run("sh", "-c", f"echo $LD_PRELOAD; {narrow}")
    assert result.stdout.startswith(f"{tree.folder}/$LIB/libretrotls.so\n")
    assert set(result.stderr.split()) == {"native", "narrow"}


# ---- usage

def test_help_and_version(tree):
    result = tree.run("--help")
    assert result.returncode == 0 and result.stdout.startswith("Usage: retrotls ")
    assert "doctor" in result.stdout
    assert_fits(result.stdout)
    assert result.stdout.isascii()
    assert re.fullmatch(r"retrotls \d+\.\d+\.\d+\n", tree.run("--version").stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], "which program?"),
    (["--"], "which program?"),
    (["--no-such-option", "true"], "unknown option '--no-such-option'"),
    (["-x", "true"], "unknown option '-x'"),
    (["-p"], "option '-p' needs an argument"),
    (["--policy"], "option '--policy' needs an argument"),
    (["doctor"], "doctor: which program?"),
    (["doctor", "sh", "ls"], "doctor: one program at a time"),
    (["doctor", "--no-such-option"], "doctor: unknown option '--no-such-option'"),
])
def test_wrong_usage(tree, arguments, words):
    assert_refused(tree.run(*arguments), 2, words, "Try 'retrotls --help'")


def test_misspelt_command_is_met_with_the_nearest_where_there_is_no_such_program(tree):
    assert_refused(tree.run("doctro", "sh"), 127, "no program 'doctro'; did you mean the command 'doctor'?")
    assert_refused(tree.run("./doctro"), 127, "./doctro: No such file or directory")
    script = tree.folder / "doctro"
    script.write_text("#!/bin/sh\necho a program\n")
    script.chmod(0o755)
    assert tree.run("doctro", PATH=f"{tree.folder}:/usr/bin:/bin").stdout == "a program\n"


def test_program_named_like_a_command_is_run_behind_two_dashes(tree):
    script = tree.folder / "doctor"
    script.write_text("#!/bin/sh\necho a program\n")
    script.chmod(0o755)
    path = f"{tree.folder}:/usr/bin:/bin"
    assert tree.run("--", "doctor", "sh", PATH=path).stdout == "a program\n"
    assert "is within reach" in tree.run("doctor", "sh", PATH=path).stdout


# ---- doctor

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
    assert "dlopen" in out and "no TLS library known here" in one_line(out)
    assert re.search(rf"^ +143  imap +encrypt +{tree.folder}/policy:1$", out, re.M)
    assert re.search(rf"^ +25  smtp +none +{tree.folder}/policy:3$", out, re.M)
    assert re.search(r"^ +110  pop3 +secure +", out, re.M)
    assert_fits(out)
    assert out.isascii()


def test_doctor_looks_into_libraries(tree):
    """Not only the program's own imports count: it may connect by a library, and do TLS by another."""
    for name, text in ("libmail", CLIENT.replace("main", "mail")), ("libgnutls", "int tls(void) { return 1; }"), \
            ("libcares", "int ask(void) { return 1; }"), ("liburing", "int ring(void) { return 1; }"):
        compile_c(text, tree.folder / f"{name}.so.1", "-shared", "-fPIC", f"-Wl,-soname,{name}.so.1")
    compile_c("int main(void) { return 0; }", tree.folder / "client", "-Wl,--no-as-needed",
              *(tree.folder.glob("lib*.so.1")), f"-Wl,-rpath,{tree.folder}")
    out = tree.run("doctor", "./client").stdout
    assert re.search(r"^ +libmail.so.1 +gethostbyname connect$", out, re.M)
    assert "It links libgnutls.so.1, so it can do TLS itself" in one_line(out)
    assert "names up by libcares.so.1, which is not watched" in one_line(out)
    assert "It links liburing" in one_line(out)
    assert "dlopen" not in out


def test_doctor_tells_a_program_that_connects_by_itself_and_asks_nobody(tree, built):
    assert "Nothing here imports connect()" in one_line(tree.run("doctor", built / "program").stdout)
    compile_c("int connect(); int main(void) { return connect(); }", tree.folder / "numeric", "-w")
    assert "Nothing here looks a name up by the C library" in one_line(tree.run("doctor", "./numeric").stdout)


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


def test_doctor_runs_nothing_of_the_program(tree):
    """Neither its constructors, nor its libraries', nor a loader that it brings along."""
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


def test_doctor_says_that_the_policy_is_in_error(tree):
    (tree.folder / "policy").write_text("levle secure\n")
    (tree.folder / "policy").chmod(0o600)
    result = tree.run("-p", "policy", "doctor", "sh")
    assert re.search(r"^ +143  imap +\(fails\) +the policy is in error$", result.stdout, re.M)
    assert f"{tree.folder}/policy:1:1:" in result.stdout


# ---- terminals

def on_terminal(tree, columns, *arguments, **environment):
    """Runs the command on a terminal of that width; what it wrote there."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tree.folder), "TERM": "xterm", **environment}
    process = subprocess.Popen([tree.command, *arguments], stdin=side, stdout=side, stderr=side, env=env,
                               cwd=tree.folder)
    os.close(side)
    out = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # EIO: the other side has closed
            break
        out += chunk
    os.close(main)
    process.wait(timeout=60)
    return out.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_and_not_with_no_color(tree):
    assert "\033[" in on_terminal(tree, 80, "doctor", "sh")
    assert "\033[" not in on_terminal(tree, 80, "doctor", "sh", NO_COLOR="1")
    assert "\033[" in on_terminal(tree, 80, "doctor", "sh", NO_COLOR="")
    assert "\033[" not in tree.run("doctor", "sh").stdout


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_messages_fit_the_terminal(tree, columns):
    compile_c(PROGRAM, tree.folder / "static", "-static")
    out = on_terminal(tree, columns, "./static")
    assert "./static is statically linked" in one_line(out)
    assert_fits(out, columns)
    assert max(map(len, out.splitlines())) > columns / 2

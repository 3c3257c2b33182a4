"""The command as its user sees it: what it starts, what it refuses, and how it says so."""
import os
import re
import shutil
import stat
import struct
import subprocess

import pytest
from support import i386, marks
from support.tree import (GO_NOTE, PROGRAM, STUB, Tree, assert_fits, assert_refused, compile_c, library, on_terminal,
                          one_line)

ROOT = os.geteuid() == 0
NOBODY = 65534


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
    # The loader of the command itself complains about preloads that do not exist. That output is not ours.
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
    (tree.folder / "lost").write_bytes(b"#!/bin/sh\r\necho\r\n")
    assert_refused(tree.run("./lost"), 127, "./lost is run by /bin/sh?: No such file or directory; its lines end with a carriage return")


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
@pytest.mark.skipif(not ROOT, reason="to unmount takes root")
def test_proc_is_not_mounted(tree, built):
    """As in a chroot that somebody made by hand."""
    without = ["unshare", "--mount", "sh", "-c", 'umount -l /proc; exec "$@"', "sh"]
    result = subprocess.run([*without, tree.command, built / "program"], capture_output=True, text=True)
    assert_refused(result, 126, "cannot tell where this command is: /proc/self/exe: No such file or directory. Mount /proc")


@pytest.mark.root
@pytest.mark.skipif(not ROOT, reason="to set capabilities takes root")
def test_program_with_capabilities_is_refused_to_all_but_root(tree, built):
    shutil.copy(built / "program", tree.folder / "capable")
    subprocess.run(["setcap", "cap_net_bind_service+ep", tree.folder / "capable"], check=True)
    assert_refused(tree.run("./capable", user=NOBODY), 126, "./capable has file capabilities")
    assert tree.run("./capable").returncode == 0
    assert tree.run(built / "program", user=NOBODY).returncode == 0


def test_preload_emptied_by_the_first_line(tree):
    script = tree.folder / "clears"
    script.write_text("#!/usr/bin/env -S LD_PRELOAD= sh\necho started\n")
    script.chmod(0o755)
    assert_refused(tree.run("./clears"), 126, "empty LD_PRELOAD", "'retrotls INTERPRETER ./clears'")


@pytest.mark.parametrize("command", ["timeout 5 sudo", "nice -n5 env -i LD_PRELOAD=", "env A=1 sudo",
                                     "busybox env LD_PRELOAD=",                                     "nohup setsid doas -u ada"])
def test_wrapper_behind_another(tree, command):
    for name in set(command.split()) & {"timeout", "nice", "busybox", "nohup", "setsid", "sudo", "doas"}:
        script = tree.folder / name
        script.write_text("#!/bin/sh\necho started\n")
        script.chmod(0o755)
    assert_refused(tree.run(*command.split(), "true", PATH=f"{tree.folder}:/usr/bin:/bin"), 126, "would run unguarded")


@pytest.mark.parametrize("command", ["runuser -u ada -- grep -l x", "su ada -s /bin/sh -c", "env -u LD_PRELOAD -v", "env -i",
                                     "env LD_PRELOAD=/lib/other.so", "su - ada -c", "runuser --login ada",
                                     "nice sh -c sudo", "setpriv --reuid=5 -- echo --reset-env", "timeout 5 man sudo"])
def test_wrapper_that_keeps_the_library(tree, command):
    name = command.split()[0]
    script = tree.folder / name
    script.write_text("#!/bin/sh\necho started\n")
    script.chmod(0o755)
    result = tree.run(*command.split(), "true", PATH=f"{tree.folder}:/usr/bin:/bin")
    assert (result.returncode, result.stdout) == (0, "started\n"), result


@pytest.mark.parametrize("wrapper, arguments, words", [
    ("proxychains4", [], "puts its own library before"),
    ("torsocks", [], "puts its own library before"),
    ("sudo", ["-u", "ada"], "clears the environment"),
    ("doas", [], "clears the environment"),
    ("env", ["LD_PRELOAD="], "empties LD_PRELOAD"),
    ("env", ["-iv", "-u", "B", "A=1", "LD_PRELOAD="], "empties LD_PRELOAD"),
    ("systemd-run", ["--user"], "has another process start the program"),
])
def test_wrapper_that_loses_the_library(tree, wrapper, arguments, words):
    script = tree.folder / wrapper
    script.write_text("#!/bin/sh\necho started\n")
    script.chmod(0o755)
    path = f"{tree.folder}:/usr/bin:/bin"
    for name in wrapper, str(script):
        assert_refused(tree.run(name, *arguments, "true", PATH=path), 126, words, f"'{wrapper} ... retrotls PROGRAM'")


def test_words_that_only_look_as_if_they_took_the_library_away(tree, built):
    for words in ["env", "-u", "B", "A=-i", built / "program", "0", "-i"], ["env", built / "program", "0", "LD_PRELOAD="], \
            ["nice", "-n", "1", built / "program", "0", "-"], ["sh", "-c", f"{built}/program 0 sudo"]:
        result = tree.run(*words)
        assert result.returncode == 0 and result.stdout.startswith(f"{tree.folder}/libretrotls.so|"), (words, result)


def test_doctor_knows_wrappers(tree):
    result = tree.run("doctor", "systemd-run" if shutil.which("systemd-run") else "torsocks")
    assert result.returncode == 1 and "out of reach" in result.stdout and "Run it the other way round" in one_line(result.stdout)


# ---- the library that fits

def test_program_of_another_class_is_refused_where_its_library_is_missing(tree):
    compile_c(PROGRAM, tree.folder / "narrow", *i386.GCC_FLAGS)
    assert_refused(tree.run("./narrow"), 126, "./narrow is built for 32-bit i386", "no libretrotls.so for that")


@marks.executes_32_bit
def test_program_of_another_class_gets_its_library(tree):
    compile_c(PROGRAM, tree.folder / "narrow", *i386.GCC_FLAGS)
    library(tree.folder / "lib32/libretrotls.so", "narrow", *i386.GCC_FLAGS)
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
    """The loader itself would only print a line, and start the program without the library."""
    needed = library(tree.folder / "libneeded.so", "needed")
    library(tree.folder / "libretrotls.so", "native", "-Wl,--no-as-needed", needed)
    needed.unlink()
    assert_refused(tree.run(built / "program"), 126, "does not start it with", "libneeded.so: cannot open shared object file")


def test_library_that_asks_for_a_newer_c_library(tree, built):
    """As if the library was built on another machine: the loader lists it, and then ends the program."""
    build = tree.folder / "build"
    versions = tree.folder / "map"
    for version in "NEW", "OLD":  # linked against NEW; then only OLD exists
        versions.write_text(f"{version} {{ global: needed; }};")
        needed = compile_c("int needed(void) { return 1; }", build / "libneeded.so", "-shared", "-fPIC",
                           "-Wl,-soname,libneeded.so", f"-Wl,--version-script={versions}")
        if version == "NEW":
            compile_c(STUB + "int needed(void); int use(void) { return needed(); }", tree.folder / "libretrotls.so",
                      '-DNAME="native"', "-shared", "-fPIC", needed, f"-Wl,-rpath,{build}")
    assert_refused(tree.run(built / "program"), 126, "does not start it with", "version `NEW' not found")


def test_program_by_a_link_finds_its_libraries_beside_itself(tree):
    """As java needs it: $ORIGIN is the folder of the file itself, wherever the link to it is."""
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
    """What the loader substitutes for $LIB in a program built with these flags."""
    probe = compile_c("int main(void) { return 0; }", tmp_path / "probe", *flags)
    headers = subprocess.run(["readelf", "-l", probe], capture_output=True, text=True, check=True).stdout
    loader = re.search(r"interpreter: ([^]]*)", headers).group(1)
    for lib in "lib/x86_64-linux-gnu", "lib/i386-linux-gnu", "lib64", "lib32", "lib":
        library(tmp_path / lib / "probe.so", lib, *flags)
    said = subprocess.run([loader, probe], env={"LD_PRELOAD": f"{tmp_path}/$LIB/probe.so", "TELL": "1"},
                          capture_output=True, text=True).stderr
    return said.strip()


@marks.executes_32_bit
def test_installed_library_is_named_by_lib_so_that_children_of_the_other_class_get_theirs(built, tmp_path):
    tree = Tree(tmp_path / "usr", "bin")
    for name, flags in ("native", []), ("narrow", i386.GCC_FLAGS):
        lib = lib_of(tmp_path / name, *flags)
        library(tree.folder / lib / "libretrotls.so", name, *flags)
    narrow = compile_c(PROGRAM, tmp_path / "narrow-program", *i386.GCC_FLAGS)
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
    help_of = "doctor " if words.startswith("doctor: ") else ""
    assert_refused(tree.run(*arguments), 2, words, f"Try 'retrotls {help_of}--help'")


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


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_messages_fit_the_terminal(tree, columns):
    compile_c(PROGRAM, tree.folder / "static", "-static")
    out = on_terminal(tree, columns, "./static")
    assert "./static is statically linked" in one_line(out)
    assert_fits(out, columns)
    assert max(map(len, out.splitlines())) > columns / 2

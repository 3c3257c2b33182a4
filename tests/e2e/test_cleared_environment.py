"""Programs that clear their environment before they execute themselves or their helpers. The library's
part of it comes back, and nothing else about the program changes."""
import os
import signal
import subprocess
from pathlib import Path
import uuid

import pytest
from support import certs, i386, marks
from support.loopback import own_address
from support.servers.exim_queue import EximQueue
from support.servers.postfix import Postfix
from support.servers.server import UNPACKED
from support.shim import BUILD, PROGRAMS, PYTHON, ROOT, processes
from support.tap import Tap
from support.wait import wait_for

ENV = "/usr/bin/env"
SHELL = "system", "popen", "wordexp"
WAYS = ("execve", "execve-null", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat", "posix_spawn",
        "posix_spawnp", "vfork", "handler", "syscall", "syscall-at", *SHELL)


def variables(output):
    return dict(line.split("=", 1) for line in output.decode().splitlines())


def ours(shim):
    return {name: value for name, value in shim.variables().items() if name in ("LD_PRELOAD", "RETROTLS_POLICY", "RETROTLS_LOG")}


def check_way(shim, starter, way):
    """env(1) runs without its shell's own variables, and prints its environment."""
    given = {"OWN": "1"} if way in ("execve", "execvpe", "execle", "fexecve", "execveat", "posix_spawn", "posix_spawnp", "vfork",
                                    "handler", "syscall", "syscall-at") else {}
    words = [f"exec {ENV}"] if way in SHELL else [ENV, "-0"]
    result = shim.run(starter, way, *words).ok()
    found = variables(result.out.replace(b"\0", b"\n"))
    if way in SHELL:  # which variables sh sets depends on the shell
        found = {name: value for name, value in found.items() if name not in ("PWD", "SHLVL", "_", "OLDPWD")}
    assert found == {**given, **ours(shim)}, (way, result.show())


def test_each_call_that_starts_a_program(shim):
    shim.guard(110, "secure", "pop3")
    for way in WAYS:
        check_way(shim, PROGRAMS / "starter", way)



def test_a_child_whose_address_space_is_limited_is_started(shim):
    """As dovecot's master limits each of its services to 256 MB, just before it executes it."""
    code = """
import os, resource
pid = os.fork()
if pid == 0:
    resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
    os.execve("/bin/true", ["true"], {})
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    shim.policy("")
    shim.run(PYTHON, "-c", code).ok()


@pytest.mark.parametrize("build", [pytest.param("lib32", marks=marks.executes_32_bit), "musl"])
def test_each_call_of_another_libc(shim, build, tmp_path):
    """Started by the command: env(1) itself has this machine's own word size and C library."""
    if not (BUILD / build / "libretrotls.so").exists():
        pytest.skip(f"{build} was not built")
    compiler = {"lib32": ["gcc", *i386.GCC_FLAGS], "musl": ["musl-gcc"]}[build]
    for name in "starter", "environment":
        source = ROOT / "tests/e2e/programs" / f"{name}.c"
        if name == "environment":
            source = tmp_path / "environment.c"
            source.write_text("#include <stdio.h>\nextern char **environ;\n"
                              "int main(void) { for (char **e = environ; e && *e; e++) puts(*e); return 0; }\n")
        subprocess.run([*compiler, "-D_GNU_SOURCE", "-O2", "-o", shim.folder / name, source], check=True)
    shim.library = BUILD / build / "libretrotls.so"
    shim.guard(110, "secure", "pop3")
    for way in WAYS:
        if way in SHELL or way == "execveat" and build == "musl":
            continue  # the shell has this machine's own word size and C library; musl has no execveat()
        result = shim.run(shim.folder / "starter", way, shim.folder / "environment").ok()
        found = variables(result.out)
        assert {name: found.get(name) for name in ours(shim)} == ours(shim), (way, result.show())


def test_a_relative_path_of_the_library_leads_there_from_elsewhere(shim):
    """Daemons change to / before they execute their helpers. The loader would print an error, and the helper speak plaintext."""
    shim.guard(110, "secure", "pop3")
    (shim.folder / "libretrotls.so").symlink_to(shim.library)
    result = shim.run("/bin/sh", "-c", f"cd /; exec {ENV}", preload=False, env={"LD_PRELOAD": "./libretrotls.so"}).ok()
    assert os.path.normpath(variables(result.out)["LD_PRELOAD"]) == str(shim.folder / "libretrotls.so"), result.show()
    assert result.err == b"", result.show()


def test_relative_paths_of_policy_and_log_lead_there_from_elsewhere(shim):
    """Another folder may hold another policy of that name, or none."""
    shim.guard(110, "secure", "pop3")
    for way in "exec", "":
        result = shim.run("/bin/sh", "-c", f"cd /; {way} {ENV}", env={"RETROTLS_POLICY": "policy", "RETROTLS_LOG": "log"}).ok()
        found = variables(result.out)
        assert {name: found[name] for name in ours(shim)} == ours(shim), result.show()


@pytest.mark.parametrize("words", [
    ("env", "-i", ENV), ("sh", "-c", f"unset LD_PRELOAD RETROTLS_POLICY; {ENV}"), ("perl", "-e", f"%ENV = (); exec '{ENV}'"),
    ("perl", "-e", f"%ENV = (); print `{ENV}`"), ("bash", "-c", f"exec -c {ENV}"),
    ("/usr/bin/python3", "-c", f"import subprocess; print(subprocess.run('{ENV}', env={{}}, capture_output=True).stdout.decode())")],
    ids=lambda words: " ".join(words)[:20])
def test_programs_that_clear_it(shim, words):
    shim.guard(110, "secure", "pop3")
    result = shim.run(*words).ok()
    found = variables(b"\n".join(line for line in result.out.splitlines() if b"=" in line))
    assert {name: found.get(name) for name in ours(shim)} == ours(shim), result.show()


def test_empty_preload_is_on_purpose(shim):
    result = shim.run("env", "-i", "LD_PRELOAD=", ENV).ok()
    assert result.out == b"LD_PRELOAD=\n", result.show()


def test_errors_are_the_kernels(shim):
    """E2BIG comes at the same sizes, less what the library adds; EFAULT, ENOENT and EACCES as always."""
    code = r"""
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
one = (ctypes.c_char_p * 2)(b"true", None)
def fails(path, envp):
    libc.execve(path, one, envp)
    return errno.errorcode[ctypes.get_errno()]
print(fails(b"/nonexistent", None), fails(b"/etc/passwd", None), fails(b"/bin/true", ctypes.c_void_p(16)),
      fails(b"/bin/true", (ctypes.c_void_p * 2)(1, None)), fails(b"/bin/true", (ctypes.c_char_p * 2)(b"A=" + b"x" * (1 << 17), None)))
"""
    result = shim.python(code).ok()
    assert result.out.split() == [b"ENOENT", b"EACCES", b"EFAULT", b"EFAULT", b"E2BIG"], result.show()


# ---- mail servers

TEXT = b"the cat sat on the mat"


def whole_mail(tap, exim, token):
    """The message arrived, and no part of it crossed in clear."""
    mailbox = exim.wait_for_message(token)
    assert TEXT in mailbox
    tap.wait_closed()
    tap.never_saw(TEXT, token, b"a@example.org")
    tap.saw_only_tls_after(rb"(EHLO \[[0-9.]+\]\r\n)STARTTLS\r\n")


def test_exim_executes_itself(shim, exim):
    """For each delivery and for each queue run. With a certificate for another name, the message stays in the queue and nothing
    bounces; then it goes out."""
    with Tap(exim.at("smtp")) as tap:
        queue = EximQueue(shim, exim, tap.port)
        if os.geteuid() == 0:
            shim.log_file.touch()
            shim.log_file.chmod(0o666)
        shim.guard(tap.port, "secure", "smtp", "name other.example.org")
        os.chmod(shim.policy_file, 0o644)
        token = uuid.uuid4().hex.encode()
        queue.send(TEXT + b" " + token, "-odf").ok()
        wait_for(lambda: "other.example.org" in queue.main_log() and "defer" in queue.main_log() or None,
                 lambda: f"the reason in exim's log:\n{queue.main_log()}\n{shim.log()}")
        assert queue.waiting() == 1 and not exim.has(token), queue.main_log()
        shim.guard(tap.port, "secure", "smtp")
        os.chmod(shim.policy_file, 0o644)
        queue.run("-qff").ok()
        whole_mail(tap, exim, token)
        assert queue.waiting() == 0


@pytest.mark.root
@pytest.mark.parametrize("chroot", ["n", "y"])
def test_postfix_starts_its_daemons(shim, exim, chroot):
    """The master clears its environment; the daemon that it starts delivers. As Debian has it (y), that daemon first makes
    the queue its root folder and becomes another user."""
    with Tap(exim.at("smtp")) as tap:
        shim.log_file.touch()
        shim.log_file.chmod(0o666)
        shim.guard(tap.port, "secure", "smtp")
        os.chmod(shim.policy_file, 0o644)
        with Queue(certs.case("good"), shim, tap.port, chroot) as postfix:
            token = uuid.uuid4().hex.encode()
            sent = shim.run("/usr/bin/python3", "-c", """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2])) as c:
    c.sendmail("a@example.org", ["b@localhost"], sys.stdin.buffer.read())
""", *postfix.at("smtp"), stdin=b"Subject: hello\r\n\r\n" + TEXT + b" " + token + b"\r\n", preload=False)
            sent.ok()
            whole_mail(tap, exim, token)


class Queue(Postfix):
    """postfix as a client, started with the library."""

    def __init__(self, certificate, shim, port, chroot):
        super().__init__(certificate)
        self.chroot = chroot
        self.environment = ours(shim)
        self.more = {"virtual_mailbox_domains": "", "relay_domains": "localhost", "smtp_host_lookup": "native",
                     "relay_transport": f"smtp:[localhost]:{port}"}

    def configure(self):
        started = super().configure()
        services = self.folder / "etc/master.cf"
        services.write_text(services.read_text().replace("smtp        unix  -  -  n", f"smtp        unix  -  -  {self.chroot}"))
        (self.folder / "queue/etc").mkdir()
        (self.folder / "queue/etc/hosts").write_text("127.0.0.1 localhost\n")
        return started


def test_nginx_upgrades_itself(shim):
    """kill -USR2: the master executes the new program, with an environment that it has made itself."""
    folder = shim.folder / "nginx"
    folder.mkdir()
    (folder / "conf").write_text(f"""
error_log {folder}/log;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{ listen {own_address()}:10080; }}
}}
""")

    def pid(name):
        file = folder / name
        return file.exists() and int(file.read_text().strip() or 0) or None

    masters = set()
    try:
        shim.run(UNPACKED / "nginx/usr/sbin/nginx", "-p", folder, "-c", folder / "conf").ok()
        old = wait_for(lambda: pid("pid"), "nginx's pid")
        masters.add(old)
        # A signal that comes before it has begun to wait for signals is noted and then waits for the next one. It blocks
        # them before it starts its workers (ngx_master_process_cycle()).
        wait_for(lambda: old in [parent for parent, *_ in processes().values()], "nginx's worker")
        os.kill(old, signal.SIGUSR2)
        new = wait_for(lambda: pid("pid.oldbin") == old and pid("pid"), lambda: (folder / "log").read_text())
        masters.add(new)
        # The title that nginx gives itself lies where its environment was.
        assert str(shim.library.resolve()) in Path(f"/proc/{new}/maps").read_text()
    finally:
        for master in masters:
            os.kill(master, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{master}").exists() or None, lambda: f"nginx {master} to end")

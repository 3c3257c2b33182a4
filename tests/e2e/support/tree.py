"""Copies the command into folders of their own, next to small libraries that only print their name when loaded. Shows
which library is chosen for which program, and whether the program starts at all.
"""
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios
from pathlib import Path

BUILD = Path(os.environ.get("RETROTLS_BUILD", Path(__file__).resolve().parents[3] / "build"))

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
    """A build tree: the command, and what the test puts next to it."""

    def __init__(self, folder, bin_folder="."):
        self.folder = folder
        self.command = folder / bin_folder / "retrotls"
        self.command.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BUILD / "retrotls", self.command)
        shutil.copy(BUILD / "retrotls-check", self.command.parent)

    def run(self, *arguments, user=None, **environment):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "RETROTLS_POLICY": "", "TELL": "1", **environment}
        return subprocess.run([self.command, *arguments], env=env, capture_output=True, text=True, timeout=60,
                              cwd=self.folder, user=user, group=user, extra_groups=[] if user else None)


def one_line(text):
    """A message without its line breaks."""
    return " ".join(text.split())


def assert_refused(result, status, *words):
    """The program did not start. The message contains `words`, and its lines fit in 80 columns."""
    assert result.returncode == status, result
    assert result.stdout == ""
    for word in words:
        assert word in one_line(result.stderr)
    assert_fits(result.stderr)


def assert_fits(text, columns=80):
    # A word longer than the line, such as a path, has the line to itself.
    assert all(len(line) < columns or " " not in line.strip() for line in text.splitlines()), text


def on_terminal(tree, columns, *arguments, **environment):
    """Runs the command on a terminal of that width; returns its output."""
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

"""A private root to install into: this machine's root, under a memory file system that takes all writes. And copies of
the source, in which `make` may build for another place."""
import os
import shutil
import subprocess

import pytest

from . import namespaces
from .shim import ROOT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="dpkg(1) installs as root alone; "
                                "what `make install` and `make deb` make is tried without")
MADE = ("obj", "lib32", "musl")  # the parts of the build that a copy includes, so that nothing is compiled twice

INSIDE = """
set -e
root=$1
shift
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/all"
for each in proc dev sys tmp; do mount --rbind "/$each" "$root/all/$each"; done
exec chroot "$root/all" "$@"
"""


def in_own_root(folder, script, *arguments, **environment):
    """The output of the shell script, which gets `arguments` as "$@". `folder` takes the root's files."""
    (folder / "root").mkdir()
    result = subprocess.run(["unshare", "-m", "sh", "-c", INSIDE, "sh", folder / "root", "sh", "-ec", script, "sh", *arguments],
                            capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", **environment})
    assert result.returncode == 0, result
    return result.stdout


WITH_LD_SO_PRELOAD = """
etc=$1 library=$2 policy=$3
shift 3
mount -t tmpfs tmpfs "$etc" || exit
cp -a /etc/. "$etc" 2> /dev/null
echo "$library" > "$etc/ld.so.preload"
[ -z "$policy" ] || { mkdir -p "$etc/retrotls" && printf %s "$policy" > "$etc/retrotls/policy"; } || exit
mount --bind "$etc" /etc || exit
exec "$@"
"""


def with_ld_so_preload(etc, library, policy=""):
    """The words to put before a command so that /etc/ld.so.preload loads the library, and /etc/retrotls/policy holds `policy`.
    `etc` is an empty folder."""
    return [*namespaces.command("mount"), "sh", "-c", WITH_LD_SO_PRELOAD, "sh", etc, library, policy]


def copy_source(to):
    shutil.copytree(ROOT, to, symlinks=True, ignore=lambda place, names: [
        name for name in names if name == ".git" or place == str(ROOT / "build") and name not in MADE])
    return to


def copy_build(build, to):
    shutil.copytree(build, to, symlinks=True, ignore=lambda place, names: [
        name for name in names if place == str(build) and name not in MADE])

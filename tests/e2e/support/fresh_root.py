"""A minimal Debian of some release, made by debootstrap and kept in build/roots; what runs there leaves no trace in it."""
import fcntl
import os
import shutil
import subprocess

import pytest

from .shim import ROOT

ROOTS = ROOT / "build/roots"
DEBS = ROOTS / "debs"  # of debootstrap and of apt, for the next time

needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("debootstrap"),
                                reason="debootstrap makes a root for root alone")

# All in a mount namespace: nothing stays mounted.
INSIDE = """
set -e
root=$1 scratch=$2 debs=$3
shift 3
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/all"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/all"
mount -t proc proc "$scratch/all/proc"
mount --rbind /dev "$scratch/all/dev"
mount --rbind /sys "$scratch/all/sys"
# Debian's installer writes it; debootstrap does not.
[ -s "$scratch/all/etc/hosts" ] || echo "127.0.0.1 localhost" > "$scratch/all/etc/hosts"
mkdir -p "$scratch/all/var/cache/apt/archives"
mount --bind "$debs" "$scratch/all/var/cache/apt/archives"
for each; do
    case $each in
    --) shift; break ;;
    *:*) mkdir -p "$scratch/all${each#*:}"; mount --rbind "${each%%:*}" "$scratch/all${each#*:}"; shift ;;
    esac
done
exec chroot "$scratch/all" "$@"
"""


def make(suite):
    """The root's folder. Skips the test where no packages can be had."""
    DEBS.mkdir(parents=True, exist_ok=True)
    root, whole = ROOTS / suite, ROOTS / f"{suite}.whole"
    with open(ROOTS / f"{suite}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(root, ignore_errors=True)
            done = subprocess.run(["debootstrap", "--variant=minbase", f"--cache-dir={DEBS}", suite, root], check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode and "Failed getting release" in done.stdout:
                pytest.skip(f"no packages of {suite} can be had: {done.stdout.splitlines()[-1]}")
            assert done.returncode == 0, done.stdout[-4000:]
            whole.touch()
    return root


def run(suite, scratch, script, *arguments, binds=(), timeout=1500, **environment):
    """Runs a shell script in a throw-away copy of the root; `binds` are HERE:THERE. Its status and output."""
    root = make(suite)
    scratch.mkdir()
    return subprocess.run(["unshare", "-m", "sh", "-c", INSIDE, "sh", root, scratch, DEBS, *binds, "--", "sh", "-ec", script, "sh",
                           *arguments], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                               "DEBIAN_FRONTEND": "noninteractive", **environment})

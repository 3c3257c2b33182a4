"""A minimal Debian of a given release, made by debootstrap and kept in build/roots. Programs that run there leave no trace."""
import fcntl
import os
import shutil
import subprocess

import pytest

from .shim import ROOT

ROOTS = ROOT / "build/roots"
DEBS = ROOTS / "debs"  # cache of debootstrap and apt

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root, to make devices and chroot: run the tests as root for these")

# Runs in a mount namespace, so nothing stays mounted.
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


def require_packages(what, done, unreachable):
    """Skips the test if debootstrap or apt could not reach the mirror, which `unreachable` in its output shows. Any other
    fault is a failure."""
    if done.returncode and unreachable in done.stdout:
        why = next(line for line in done.stdout.splitlines() if unreachable in line)
        pytest.skip(f"this machine reaches no mirror with {what}: {why}")
    assert done.returncode == 0, done.stdout[-4000:]


def make(suite):
    """The root's folder. Skips the test if the release's packages are not available. A missing debootstrap is a failure, as
    for any package of tests/install-dependencies."""
    assert shutil.which("debootstrap"), "debootstrap is not installed: tests/install-dependencies installs it"
    DEBS.mkdir(parents=True, exist_ok=True)
    root, whole = ROOTS / suite, ROOTS / f"{suite}.whole"
    with open(ROOTS / f"{suite}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(root, ignore_errors=True)
            done = subprocess.run(["debootstrap", "--variant=minbase", f"--cache-dir={DEBS}", suite, root], check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            require_packages(f"the packages of {suite}", done, "Failed getting release")
            whole.touch()
    return root


# Runs a script in the root itself, so that its changes stay.
FURNISH = """
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/var/cache/apt/archives"
exec chroot "$1" sh -ec "$3"
"""


def furnished(suite, name, script):
    """The folder of a copy of the root in which `script` has run. We keep it until the script changes."""
    bare = make(suite)
    root, whole = ROOTS / f"{suite}-{name}", ROOTS / f"{suite}-{name}.whole"
    with open(ROOTS / f"{suite}-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists() or whole.read_text() != script:
            shutil.rmtree(root, ignore_errors=True)
            subprocess.run(["cp", "-a", bare, root], check=True)
            done = subprocess.run(["unshare", "-m", "sh", "-ec", FURNISH, "sh", root, DEBS, script], check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                                       "DEBIAN_FRONTEND": "noninteractive"})
            require_packages(f"the packages of {suite}", done, "Temporary failure resolving")
            whole.write_text(script)
    return root


def entered(root, scratch, *binds):
    """The words to put before a command to run it in a throw-away copy of the root. `scratch` is an empty folder; `binds` are
    HERE:THERE."""
    return ["unshare", "-m", "sh", "-c", INSIDE, "sh", str(root), str(scratch), str(DEBS), *binds, "--"]


def run(suite, scratch, script, *arguments, binds=(), timeout=1500, **environment):
    """Runs a shell script in a throw-away copy of the release's root. Returns its status and output."""
    root = make(suite)
    scratch.mkdir()
    return subprocess.run([*entered(root, scratch, *binds), "sh", "-ec", script, "sh", *arguments], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                               "DEBIAN_FRONTEND": "noninteractive", **environment})

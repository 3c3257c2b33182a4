"""A root like Alpine's: its C library is musl, and busybox provides all programs. Debian's busybox uses glibc, so we build it from
Debian's source with musl-gcc. The root is kept in build/roots."""
import fcntl
import shutil
import subprocess

from .fresh_root import ROOTS, require_packages
from .shim import ROOT

APPLETS = "cat chmod cp env grep head ls mkdir mount nc printf popmaildir rm sendmail setuidgid sh sleep touch".split()
BUILD = r"""
mkdir -p lists/partial
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" > sources
apt="-qq -o Dir::Etc::SourceList=$PWD/sources -o Dir::Etc::SourceParts=- -o Dir::State::Lists=$PWD/lists -o APT::Sandbox::User=root"
apt-get $apt update
apt-get $apt --download-only source busybox
dpkg-source -x busybox_*.dsc source
cd source
make -s allnoconfig
for each in BUSYBOX SHOW_USAGE LFS ASH SH_IS_ASH ASH_ECHO ASH_PRINTF ASH_TEST FEATURE_MOUNT_FLAGS FEATURE_IPV6 CAT CHMOD CP ENV \
    GREP HEAD LS MKDIR MOUNT NC POPMAILDIR PRINTF RM SENDMAIL SETUIDGID SLEEP TOUCH; do
    sed -i "s/^# CONFIG_$each is not set/CONFIG_$each=y/" .config
    done
yes '' | make -s oldconfig > /dev/null
# musl has no kernel headers of its own.
make -s -j2 CC=musl-gcc HOSTCC=gcc EXTRA_CFLAGS='-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu' busybox
cd ..
mkdir -p root/bin root/lib root/etc root/proc root/sys root/dev root/mnt root/opt root/root
mkdir -m 1777 root/tmp
cp source/busybox root/bin/
cp -L /usr/lib/x86_64-linux-musl/libc.so root/lib/ld-musl-x86_64.so.1
for each in $APPLETS; do ln -s busybox "root/bin/$each"; done
echo root:x:0:0:root:/root:/bin/sh > root/etc/passwd
echo nobody:x:65534:65534:nobody:/:/bin/sh >> root/etc/passwd
echo root:x:0: > root/etc/group
musl-gcc -D_GNU_SOURCE -O2 -o root/bin/careless "$CARELESS"
"""


def make():
    """The root's folder. Skips the test if the source cannot be downloaded."""
    ROOTS.mkdir(parents=True, exist_ok=True)
    root, whole, build = ROOTS / "musl", ROOTS / "musl.whole", ROOTS / "musl.build"
    with open(ROOTS / "musl.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists() or whole.read_text() != BUILD:
            for each in root, build:
                shutil.rmtree(each, ignore_errors=True)
            build.mkdir()
            done = subprocess.run(["sh", "-ec", BUILD], cwd=build, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(build),
                                       "APPLETS": " ".join(APPLETS), "CARELESS": str(ROOT / "tests/e2e/programs/careless.c")})
            require_packages("busybox's source", done, "Temporary failure resolving")
            (build / "root").rename(root)
            shutil.rmtree(build)
            whole.write_text(BUILD)
    return root


def version(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.split("-")[0]


def facts(root):
    """The distribution and C library for tests/platforms.json."""
    usage = subprocess.run(["chroot", root, "/bin/busybox"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return {"distribution": f"busybox {usage.split()[1].removeprefix('v')}, as Alpine", "libc": f"musl {version('musl')}"}

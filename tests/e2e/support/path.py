"""A path that can be cut without a word to either end: a TUN device in a network namespace of its own. What connects to
FAR reaches a server on HERE: each packet is handed back with its two addresses exchanged, which leaves every checksum
right; once the path is cut, none is."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import threading

import pytest

HERE, FAR = "10.77.0.1", "10.77.0.2"
_CLONE_NEWNET, _TUNSETIFF, _TUN_WITHOUT_HEAD = 0x40000000, 0x400454CA, 0x1001


def _is_possible():
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK) and bool(shutil.which("ip")) and \
        subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0


needed = pytest.mark.skipif(not _is_possible(), reason="a TUN device, and a namespace for it, need root and ip(8)")


class Path:
    def __init__(self):
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(self.tun, _TUNSETIFF, struct.pack("16sH22x", b"retrotls0", _TUN_WITHOUT_HEAD))
        for command in ("link set lo up", f"address add {HERE}/24 dev retrotls0", "link set retrotls0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        self.is_cut = False
        threading.Thread(target=self._carry, daemon=True).start()

    def cut(self):
        self.is_cut = True

    def _carry(self):
        with contextlib.suppress(OSError):  # the namespace has gone
            while True:
                packet = os.read(self.tun, 65536)
                if packet[0] >> 4 == 4 and not self.is_cut:
                    os.write(self.tun, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])


def with_path(act):
    """Calls `act` with a Path, in a thread that has a network namespace of its own; so have the processes and the
    sockets that it makes."""
    failures = []

    def run():
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            act(Path())
        except BaseException as error:  # raised by the test's own thread
            failures.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

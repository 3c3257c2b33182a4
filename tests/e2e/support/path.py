"""A path that can be cut without either end noticing: a TUN device in its own network namespace. A connection to FAR reaches
a server on HERE: we hand each packet back with its two addresses exchanged, which keeps all checksums right. Once the path
is cut, we drop all packets."""
import contextlib
import fcntl
import os
import struct
import subprocess
import threading

import pytest

from . import namespaces

HERE, FAR = "10.77.0.1", "10.77.0.2"
_TUNSETIFF, _TUN_WITHOUT_HEAD = 0x400454CA, 0x1001


def needed(test):
    """A mark for tests that make a Path: runs them in their own network namespace."""
    there = os.access("/dev/net/tun", os.R_OK | os.W_OK)
    return pytest.mark.skipif(not there, reason="this machine keeps /dev/net/tun from this user: run the tests as root for "
                                                "this one, after `modprobe tun`")(namespaces.needed("net")(test))


class Path:
    def __init__(self):
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(self.tun, _TUNSETIFF, struct.pack("16sH22x", b"retrotls0", _TUN_WITHOUT_HEAD))
        for command in ("link set lo up", f"address add {HERE}/24 dev retrotls0", "link set retrotls0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        self.is_cut = False
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()

    def cut(self):
        self.is_cut = True

    def close(self):
        """Deletes the device, so that another Path can be made."""
        subprocess.run(["ip", "link", "delete", "retrotls0"], check=True)
        self._carrier.join()
        os.close(self.tun)

    def _carry(self):
        with contextlib.suppress(OSError):  # the device has gone
            while True:
                packet = os.read(self.tun, 65536)
                if packet[0] >> 4 == 4 and not self.is_cut:
                    os.write(self.tun, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])

"""A file system that hangs, like one on an NFS server that is down: it does not answer the operations that the test names.
It speaks the FUSE protocol (include/uapi/linux/fuse.h) over /dev/fuse, in a thread. Only root may mount it like this."""
import ctypes
import errno
import os
import stat
import struct
import threading

from .wait import wait_for

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, CREATE, \
    INTERRUPT, BATCH_FORGET = 1, 2, 3, 4, 14, 15, 16, 17, 18, 25, 26, 27, 28, 29, 35, 36, 42
OPERATIONS = {"lookup": LOOKUP, "state": GETATTR, "open": OPEN, "read": READ, "write": WRITE, "flush": FLUSH}
ROOT, FIRST = 1, 2
MNT_FORCE, MNT_DETACH = 1, 2
libc = ctypes.CDLL(None, use_errno=True)


def possible():
    """True if this machine has FUSE and lets us mount it."""
    return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)


class HangingFiles:
    """Mounts `files` ({name: bytes}) on `folder`. The operations named in `hang()` wait until `answer()`, or get an error when
    the context ends."""

    def __init__(self, folder, files):
        self.folder = folder
        self.folder.mkdir()
        self.names, self.contents = list(files), [bytearray(content) for content in files.values()]
        self.hung, self.waiting, self.lock = set(), [], threading.Lock()

    def __enter__(self):
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"retrotls-test", os.fsencode(self.folder), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        # MNT_FORCE aborts the connection (fs/fuse/inode.c, fuse_umount_begin): processes that wait get an error.
        libc.umount2(os.fsencode(self.folder), MNT_FORCE | MNT_DETACH)
        self.thread.join()
        os.close(self.fd)

    def __truediv__(self, name):
        return self.folder / name

    def hang(self, *operations):
        """Stops answering these OPERATIONS."""
        with self.lock:
            self.hung = {OPERATIONS[each] for each in operations}

    def answer(self):
        """Answers all waiting requests, and all later ones."""
        with self.lock:
            self.hung = set()
            waiting, self.waiting = self.waiting, []
        for request in waiting:
            self._answer(request)

    def wait_hanging(self):
        """Waits until some process hangs."""
        wait_for(lambda: self.waiting, "somebody to hang")

    def _serve(self):
        while True:
            try:
                request = os.read(self.fd, 256 * 1024)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return  # ENODEV: no longer mounted
            opcode, = struct.unpack_from("<I", request, 4)
            with self.lock:
                hangs = opcode in self.hung
                if hangs:
                    self.waiting.append(request)
            if not hangs:
                self._answer(request)

    def _answer(self, request):
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        error, data = self._do(opcode, node, request[40:])
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except OSError as failed:
            assert failed.errno in (errno.ENOENT, errno.ENODEV, errno.EPERM)  # nobody waits for the answer any more

    def _do(self, opcode, node, data):
        """Returns (errno, the reply's data)."""
        if opcode == INIT:
            return 0, struct.pack("<IIIIHHIIHH8I", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, *[0] * 8)
        if opcode == LOOKUP:
            name = os.fsdecode(data.rstrip(b"\0"))
            if name not in self.names:
                return errno.ENOENT, b""
            node = FIRST + self.names.index(name)
            return 0, struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + self._attributes(node)
        if opcode in (GETATTR, SETATTR):
            return 0, struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode in (OPEN, OPENDIR):
            return 0, struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", data)
            return 0, bytes(self.contents[node - FIRST][offset:offset + size])
        if opcode == WRITE:
            size, = struct.unpack_from("<I", data, 16)
            self.contents[node - FIRST] += data[40:40 + size]
            return 0, struct.pack("<II", size, 0)
        if opcode in (RELEASE, RELEASEDIR, FLUSH, READDIR):
            return 0, b""
        return errno.ENOSYS, b""

    def _attributes(self, node):
        size = 0 if node == ROOT else len(self.contents[node - FIRST])
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o600
        return struct.pack("<6Q10I", node, size, 0, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

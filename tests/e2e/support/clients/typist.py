"""Runs a program on a terminal and types: typist.py EXPECT KEYS [EXPECT KEYS ...] -- PROGRAM ...

Each KEYS (\\r for the Enter key) is typed once the program has written EXPECT since the last ones. All that it writes goes
to standard output. The exit status is the program's; 99 if it ended before everything was typed."""
import fcntl
import os
import pty
import struct
import sys
import termios


def main(arguments):
    split = arguments.index("--")
    steps = list(zip(arguments[:split:2], arguments[1:split:2]))
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.execvp(arguments[split + 1], arguments[split + 1:])
    seen = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # EIO: the program has ended
            break
        os.write(1, data)
        seen += data
        while steps and steps[0][0].encode() in seen:
            os.write(terminal, steps.pop(0)[1].replace("\\r", "\r").encode())
            seen = b""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 99 if steps else status


sys.exit(main(sys.argv[1:]))

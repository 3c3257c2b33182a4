"""Pieces of Python programs that look up names and connect. A test puts its own lines before and after them."""

# Needs threading.
IN_THREAD = """
def in_thread(work, *arguments):
    t = threading.Thread(target=work, args=arguments)
    t.start()
    t.join()
"""

# Sends standard input, whatever the greeting says, and writes what the server sends. Needs socket, sys and `port`.
CONNECT = """
def connect():
    s = socket.socket()
    s.connect(("127.0.0.1", port))
    f = s.makefile("rwb", buffering=0)
    sys.stdout.buffer.write(f.readline())
    f.write(sys.stdin.buffer.read())
    sys.stdout.buffer.write(f.read())
    sys.stdout.flush()
"""

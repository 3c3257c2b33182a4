"""Sends and receives at once on a connection, in pieces of random sizes. Both programs and servers use it: it needs only
Python's standard library."""
import hashlib
import random
import select
import ssl

_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BASE = random.Random(0).randbytes(16384)


def pieces(size, seed):
    """Yields `size` bytes in pieces of random sizes. No two pieces of 8 bytes or more are alike."""
    rng = random.Random(seed)
    number = 0
    while size:
        length = min(size, rng.choice((rng.randint(1, 10), rng.randint(1, 2000), rng.randint(2000, 16384), 16384)))
        yield (number.to_bytes(8, "big") + _BASE)[:length]
        number += 1
        size -= length


def digest(size, seed):
    whole = hashlib.sha256()
    for piece in pieces(size, seed):
        whole.update(piece)
    return f"{size} {whole.hexdigest()}"


def _received(sock):
    try:
        return sock.recv(65536)
    except ssl.SSLZeroReturnError:  # TLS has ended in both directions
        return b""


def exchange(sock, size, seed, shut, first):
    """Sends the pieces and receives until the end of the stream. Returns what came, in the form of digest(). `shut` ends our
    direction once all is sent; if we are not the `first` to end, we wait for the other side to end its own."""
    sock.setblocking(False)
    outgoing, piece, came, whole = pieces(size, seed), b"", 0, hashlib.sha256()
    sending = receiving = True
    while sending or receiving:
        moved = False
        if sending and not piece:
            piece = next(outgoing, b"")
            if not piece and (first or not receiving):
                shut()
                sending = False
        if piece:
            try:
                piece = piece[sock.send(piece):]
                moved = True
            except _AGAIN:
                pass
        if receiving:
            try:
                data = _received(sock)
                receiving = bool(data)
                came += len(data)
                whole.update(data)
                moved = True
            except _AGAIN:
                pass
        if not moved and (sending or receiving):
            select.select([sock] if receiving else [], [sock] if piece else [], [])
    return f"{came} {whole.hexdigest()}"

"""Both directions of a connection at once, with pieces of random sizes. For a program and for a server: it needs nothing
but Python's own modules."""
import hashlib
import random
import select
import ssl

_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BASE = random.Random(0).randbytes(16384)


def pieces(size, seed):
    """Yields `size` bytes in pieces of random sizes; no two long ones are alike."""
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
    except ssl.SSLZeroReturnError:  # the end of both directions of TLS
        return b""


def exchange(sock, size, seed, shut, first):
    """Sends the pieces while it receives to the end; returns what came, as digest() has it. `shut` ends our direction,
    when all is sent, and unless we are the `first` to end, when the other side has ended its own."""
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

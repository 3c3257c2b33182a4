"""The client matrix: real programs that were told nothing of TLS, and how each is asked for a whole session."""
from . import imap, nntp, pop3, smtp  # noqa: F401 (they register their clients)
from .registry import ALL, PROGRAMS, READERS, SENDERS, TEXT, Session

__all__ = ["ALL", "PROGRAMS", "READERS", "SENDERS", "TEXT", "Session"]

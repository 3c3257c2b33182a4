"""The client matrix: real programs that do not know of the TLS around them, and how to make each run a whole session."""
from . import imap, nntp, pop3, smtp  # noqa: F401 (they register their clients)
from .registry import ALL, PROGRAMS, READERS, SENDERS, TEXT, Session

__all__ = ["ALL", "PROGRAMS", "READERS", "SENDERS", "TEXT", "Session"]

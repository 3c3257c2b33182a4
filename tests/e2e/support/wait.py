"""Waiting for a condition, never for a time."""
import time


def wait_for(condition, what, timeout=20.0):
    """Calls `condition` until it returns something true, and returns that; fails after `timeout` seconds with `what` (a
    text, or a function that makes one)."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for: {what() if callable(what) else what}")
        time.sleep(0.01)

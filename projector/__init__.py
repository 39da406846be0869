"""Keeps ready-to-serve JSON documents in Redis in step with a PostgreSQL ERP.

A trigger writes a change event to the outbox; the worker claims a batch, resolves which sections of
which documents it touches, builds them in SQL, publishes them fenced, and acknowledges. One module for
each verb of that sentence.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("projector")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"

"""What stands for a content: the same for the same bytes, and for no others that anyone will meet."""

from __future__ import annotations

try:
    # What hashlib offers under this name, without OpenSSL's library: loading that takes as long as a file.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b


def digest(content: bytes, size: int = 16) -> str:
    """Return a digest of `size` bytes in hexadecimal."""
    return blake2b(content, digest_size=size).hexdigest()

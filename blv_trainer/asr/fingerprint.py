"""Digest of a file's content."""

import hashlib
import os


def fingerprint(path: str | os.PathLike) -> str:
    """Hexadecimal digest of a file's content; its name and times say too little, they survive copying.

    Args:
        path: The file.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

"""What the clients store: a large file, keys that are easy to get wrong, and a bucket to list."""

import functools
import hashlib
import random
import threading

LISTED_BUCKET = "clients-listed"

# 2,500 keys: five folders with ten folders of fifty objects each.
LISTED_KEYS = sorted(f"{n % 5}/{n % 50 // 5:02}/{n:04}.txt" for n in range(2500))

LARGE_BYTES = 100 << 20

# Every one of these is a key, and none of them is another's spelling.
ODD_KEYS = [
    "..",
    ".",
    "../up/../and/./down",
    "//double//slash//",
    "/leading",
    "trailing/",
    " spaces at both ends ",
    "plus+and%2Bpercent%",
    "question?hash#amp&eq=semi;colon:",
    "quotes'\"<>[]{}|^`",
    "back\\slash~tilde",
    "emoji-\U0001f600-\U0001f1e9\U0001f1ea-ümlaut-日本",
    "control-\x01\x1f\x7f\t\n\r-end",
    "x" * 500 + "/" + "é" * 261 + "y",
]
assert len(ODD_KEYS[-1].encode()) == 1024

# For clients that take long to start: the same difficulties in fewer keys.
ODD_KEYS_FEW = ["..", "//a//../b/", " plus+percent%2B?#&'\"<>\\", "emoji-\U0001f600-\x01\n-日本", ODD_KEYS[-1]]

METADATA = {"plain": "value", "umlaut": "Grüße 日本 \U0001f600"}


class Samples:
    """Files that several clients share."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()

    @functools.cached_property
    def small(self):
        return b"the quick brown fox jumps over the lazy dog\n" * 100

    def small_file(self):
        with self.lock:
            path = self.folder / "small.txt"
            if not path.exists():
                path.write_bytes(self.small)
            return path

    def large_file(self):
        """100 MiB that do not compress."""
        with self.lock:
            path = self.folder / "large.bin"
            if not path.exists():
                source = random.Random(1)
                with path.open("wb") as file:
                    for _ in range(LARGE_BYTES >> 20):
                        file.write(source.randbytes(1 << 20))
            return path

    @functools.cached_property
    def large_digest(self):
        return digest_of(self.large_file())

    def listed_folder(self):
        folder = self.folder / "listed"
        for key in LISTED_KEYS:
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(key)
        return folder


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

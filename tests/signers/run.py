#!/usr/bin/env python3
"""Signs random requests with signers that share no code with Blockhouse, and has its verifier judge
them: all must verify; with one thing changed none may, unless signing the changed request gives the
same signature again.

    tests/signers/run.py [--requests 5000] [--seed 1]

Makes its own virtual environment beside the build output on first use. Ends with
'N passed, N failed'.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def in_own_environment():
    """Restarts this program under an environment that has the pinned signers."""
    home = TARGET / "signers-venv"
    python = home / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == home.resolve():
        return
    wanted = (HERE / "requirements.txt").read_text()
    mark = home / "requirements.txt"
    if not mark.exists() or mark.read_text() != wanted:
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        mark.write_text(wanted)
    # The hash seed is fixed, so that the same --seed makes the same requests.
    os.execve(python, [str(python), *sys.argv], dict(os.environ, PYTHONHASHSEED="0"))


class Judge:
    """Blockhouse's verifier, asked over a pipe."""

    def __init__(self, keys):
        cargo = ["cargo", "build", "-q", "-p", "blockhouse-verifier", "--example", "judge"]
        subprocess.run(cargo, cwd=ROOT, check=True)
        program = TARGET / "debug" / "examples" / "judge"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, secret in keys:
            self.process.stdin.write(json.dumps({"key": {"id": name, "secret": secret}}) + "\n")

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask_all(self, questions):
        """The verdicts on a few questions, asked at once: together they must fit into a pipe."""
        for question in questions:
            self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return [json.loads(self.process.stdout.readline()) for _ in questions]


class Count:
    """What held and what did not; the first few of the latter are shown."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what, request, verdict):
        if holds:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= 10:
            print(f"{what}\n  {json.dumps(request)}\n  {json.dumps(verdict)}")


def main():
    import random as randomness

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = randomness.Random(options.seed)
    # One generator per request: ECDSA signatures differ from run to run, and so would all after them.
    of_request = lambda n: randomness.Random(f"{options.seed} {n}")
    keys = [(f"BHAK{n:016}", "".join(random.choice("aZ09/+=-_ ") for _ in range(40))) for n in range(8)]
    judge, count = Judge(keys), Count()
    for n in range(options.requests):
        one_request(of_request(n), keys, judge, count, n)
    for n in range(max(1, options.requests // 25)):
        one_chain(of_request(-1 - n), keys, judge, count)
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed or not count.passed else 0)


def one_request(random, keys, judge, count, n):
    import generate
    import mutate
    import reference
    import signers

    name = list(signers.SIGNERS)[n % len(signers.SIGNERS)]
    key, now, service = random.choice(keys), signers.moment(random), random.choice(["s3", "s3", "s3-outposts"])
    expires = random.choice([1, 60, 3600, 604800])
    signed = signers.SIGNERS[name](generate.request(random), key, now, service, expires)
    late = random.randint(0, expires - 1) if "query" in name else random.randint(-900, 900)
    signed["now"] = int(now.timestamp()) + late
    verdict = judge.ask(signed)
    count.check(verdict["ok"], f"{name}: refused as signed", signed, verdict)

    claim = reference.claims(signed)
    text = reference.string_to_sign(signed, claim)
    if claim["algorithm"] == "AWS4-HMAC-SHA256":
        scope = claim["credential"].partition("/")[2]
        agreed = reference.signature(key[1], scope, text) == claim["signature"]
        count.check(agreed, f"{name}: the reference disagrees with the signer", signed, text)

    respelled = mutate.mutated(random, signed, mutate.respell)
    verdict = judge.ask(respelled)
    count.check(verdict["ok"], f"{name}: refused when respelled", respelled, verdict)

    change = random.choice(mutate.ATTACKS)
    changed = mutate.mutated(random, signed, change)
    verdict = judge.ask(changed)
    allowed = not verdict["ok"] or same_when_signed(changed, claim, text)
    count.check(allowed, f"{name}: accepted after {change.__name__}", changed, verdict)


def same_when_signed(changed, claim, text):
    """Whether the changed request has the string to sign, and carries the signature, of the original."""
    import reference

    also = reference.claims(changed)
    if also is None or also["signature"] != claim["signature"] or reference.unsigned(changed, also):
        return False
    return any(reference.string_to_sign(changed, also, keep_port) == text for keep_port in (False, True))


def one_chain(random, keys, judge, count):
    """A head that announces signed chunks, and its chunks signed by the reference."""
    import hashlib

    import generate
    import reference
    import signers

    key, now, trailer = random.choice(keys), signers.moment(random), random.random() < 0.5
    word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    request = dict(generate.request(random), method="PUT")
    sign = signers.SIGNERS[random.choice(["botocore header", "awscrt v4 header"])]
    signed = sign(request, key, now, "s3", 0, word)
    signed["now"] = int(now.timestamp())
    head = judge.ask(signed)
    count.check(head["ok"] and head["chain"] is not None, "a head with signed chunks is refused", signed, head)
    if not head["ok"]:
        return
    claim = reference.claims(signed)
    scope, previous = claim["credential"].partition("/")[2], claim["signature"]
    empty = hashlib.sha256(b"").hexdigest()
    links = [(b"x" * random.randint(1, 9), False) for _ in range(random.randint(0, 4))] + [(b"", False)]
    links += [(b"x-amz-checksum-crc32:AAAAAA==\n", True)] if trailer else []
    broken = random.choice([None, *range(len(links))])
    for n, (data, is_trailer) in enumerate(links):
        digest = hashlib.sha256(data).hexdigest()
        lines = ["AWS4-HMAC-SHA256-TRAILER" if is_trailer else "AWS4-HMAC-SHA256-PAYLOAD", claim["date"], scope, previous]
        previous = reference.signature(key[1], scope, "\n".join(lines + ([] if is_trailer else [empty]) + [digest]))
        if n == broken:
            digest = hashlib.sha256(data + b"!").hexdigest()
        link = {"chain": head["chain"], "digest": digest, "signature": previous, "trailer": is_trailer}
        verdict = judge.ask({"link": link})
        good = broken is None or n < broken
        count.check(verdict["ok"] == good, f"link {n} of a chain broken at {broken}", link, verdict)


if __name__ == "__main__":
    in_own_environment()
    sys.path.insert(0, str(HERE))
    main()

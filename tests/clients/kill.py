#!/usr/bin/env python3
"""kill -9 of the node under the load of a real client; everything acknowledged must be there.

    tests/clients/kill.py --launch target/release/blockhouse [--plain] [--seed N]

A round: the node starts, workers put, overwrite, delete and upload in parts through boto3, and after
a random number of acknowledgements the process named in run/node.pid is killed. Then `fsck` looks at
the devices, the node starts again, and every key of every worker is read:

* what was acknowledged is there with its exact bytes, what was deleted is gone;
* what was under way when the node died is there wholly or not at all;
* what was refused with an error has left no trace;
* nothing else is listed.

Every third round the node is killed a second time right after its start. BLOCKHOUSE_KILL_ROUNDS says
how many rounds (10). Ends with 'N acknowledged, 0 lost'.
"""

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tools

ROUNDS = int(os.environ.get("BLOCKHOUSE_KILL_ROUNDS", "10"))
WORKERS = 6
KEYS = 25
DEVICE_SIZE = "2GiB"
PART_BYTES = 5 << 20
BUCKET = "killed"
# The launcher promises to end within this after its node died.
END_SECONDS = 5
# A node that takes longer for so few acknowledgements hangs.
LOAD_SECONDS = 120


class Node:
    """`blockhouse dev` on a folder that outlives it."""

    def __init__(self, program, folder, plain):
        self.program, self.folder, self.plain = str(pathlib.Path(program).resolve()), folder, plain
        self.log = folder.with_suffix(".log")
        self.process = None

    def start(self):
        import node
        s3, tls, admin = node.free_ports(3)
        command = [self.program, "dev", "--data", str(self.folder), "--s3", f"127.0.0.1:{s3}",
                   "--s3-tls", f"127.0.0.1:{tls}", "--admin", f"127.0.0.1:{admin}"]
        command += [] if self.folder.exists() else ["--device-size", DEVICE_SIZE]
        command += ["--io", "plain"] if self.plain else []
        with self.log.open("ab") as stderr:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        node.wait_until_ready(self.process, self.log)
        return node.endpoints(self.folder / "env")[0]

    def kill(self):
        """Kills the serving process, not the launcher: it must notice by itself."""
        os.kill(int((self.folder / "run" / "node.pid").read_text()), signal.SIGKILL)
        self.process.wait(timeout=END_SECONDS)

    def stop(self):
        import node
        node.stop(self.process)

    def fsck(self):
        done = subprocess.run([self.program, "fsck", str(self.folder)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"fsck found damage after a kill:\n{done.stdout[-4000:]}{done.stderr}")


class Counter:
    """Counts acknowledgements, and tells when there are enough of them."""

    def __init__(self):
        self.total, self.wanted, self.enough, self.lock = 0, 0, threading.Event(), threading.Lock()

    def want(self, more):
        with self.lock:
            self.wanted = self.total + more
            self.enough.clear()

    def one(self):
        with self.lock:
            self.total += 1
            if self.total >= self.wanted:
                self.enough.set()


class Worker:
    """Changes keys of its own, and knows which contents each of them may have now."""

    def __init__(self, name, seed, counter):
        self.name, self.counter = name, counter
        self.random = random.Random(f"{seed} {name}")
        self.sequence = 0
        # Per key the digests it may have; None stands for no object. One of them is true.
        self.allowed = {}

    def body(self, size):
        self.sequence += 1
        return random.Random(f"{self.name} {self.sequence}").randbytes(size)

    def work(self, s3, dead):
        """Until the node dies."""
        from botocore.exceptions import ClientError
        while not dead.is_set():
            key = f"{self.name}/{self.random.randrange(KEYS)}"
            change = self.random.choices([self.put_small, self.put_large, self.delete, self.upload],
                                         weights=[70, 12, 15, 3])[0]
            before = self.allowed.get(key, {None})
            wanted, act = change(s3, key)
            # From here until the answer both are possible.
            self.allowed[key] = before | {wanted}
            try:
                act()
            except ClientError:
                # It answered that it did nothing.
                self.allowed[key] = before
                continue
            except Exception:
                # No answer: the connection broke. Whoever looks later must see one of the two.
                if not dead.wait(timeout=END_SECONDS):
                    raise
                return
            self.allowed[key] = {wanted}
            self.counter.one()

    def put_small(self, s3, key):
        return self.put(s3, key, self.body(self.random.choice([0, 1, 100, 4096, 30_000, 200_000])))

    def put_large(self, s3, key):
        return self.put(s3, key, self.body(self.random.choice([300_000, 1 << 20, 3_000_001])))

    def put(self, s3, key, body):
        return digest(body), lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def delete(self, s3, key):
        return None, lambda: s3.delete_object(Bucket=BUCKET, Key=key)

    def upload(self, s3, key):
        parts = [self.body(PART_BYTES), self.body(self.random.choice([1, 70_000, 1 << 20]))]

        def act():
            upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
            done = []
            for number, part in enumerate(parts, 1):
                etag = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=part)["ETag"]
                done.append({"PartNumber": number, "ETag": etag})
            s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": done})

        return digest(b"".join(parts)), act

    def check(self, s3):
        """Reads every key; what it finds is what is true from now on."""
        from botocore.exceptions import ClientError
        listed = {item["Key"]: item["Size"] for item in pages(s3, f"{self.name}/")}
        for key, allowed in self.allowed.items():
            try:
                answer = s3.get_object(Bucket=BUCKET, Key=key)
                body = answer["Body"].read()
                found = digest(body)
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey":
                    raise
                body, found = None, None
            if found not in allowed:
                raise SystemExit(f"{key}: found {found}, but only {allowed} may be there")
            size = None if body is None else len(body)
            if listed.pop(key, None) != size:
                raise SystemExit(f"{key}: the listing does not agree with the object of {size} bytes")
            self.allowed[key] = {found}
        if listed:
            raise SystemExit(f"listed, but never written: {sorted(listed)}")


def digest(body):
    return hashlib.sha256(body).hexdigest()


def pages(s3, prefix):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        yield from page.get("Contents", [])


def client(endpoint):
    import boto3
    from botocore.config import Config
    # No retries: each answer belongs to one request.
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"},
                    connect_timeout=10, read_timeout=60, max_pool_connections=2 * WORKERS)
    return boto3.client("s3", endpoint_url=endpoint.url, aws_access_key_id=endpoint.access_key,
                        aws_secret_access_key=endpoint.secret_key, region_name=endpoint.region, config=config)


def load_and_kill(node, endpoint, workers, counter, acknowledgements):
    """Lets the workers work, and kills the node after so many acknowledgements."""
    s3, dead = client(endpoint), threading.Event()
    counter.want(acknowledgements)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(worker.work, s3, dead) for worker in workers]
        try:
            if not counter.enough.wait(LOAD_SECONDS):
                raise SystemExit(f"fewer than {acknowledgements} acknowledgements in {LOAD_SECONDS} s")
            node.kill()
        finally:
            dead.set()
    for done in running:
        done.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", required=True, help="the program whose dev command is killed")
    parser.add_argument("--plain", action="store_true", help="plain calls instead of io_uring")
    parser.add_argument("--seed", default=str(random.randrange(1 << 32)), help="of an earlier run")
    options = parser.parse_args()
    tools.in_own_environment()
    tools.install()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="blockhouse-kill-") as scratch:
        node = Node(options.launch, pathlib.Path(scratch) / "node", options.plain)
        counter = Counter()
        workers = [Worker(f"worker-{n}", options.seed, counter) for n in range(WORKERS)]
        endpoint = node.start()
        client(endpoint).create_bucket(Bucket=BUCKET)
        for number in range(1, ROUNDS + 1):
            started = time.monotonic()
            load_and_kill(node, endpoint, workers, counter, chance.randrange(20, 400))
            node.fsck()
            endpoint = node.start()
            if number % 3 == 0:
                node.kill()
                endpoint = node.start()
            for worker in workers:
                worker.check(client(endpoint))
            keys = sum(None not in allowed for worker in workers for allowed in worker.allowed.values())
            seconds = time.monotonic() - started
            print(f"round {number}: {counter.total} acknowledged, {keys} objects, {seconds:.1f} s", flush=True)
        node.stop()
        node.fsck()
    print(f"{counter.total} acknowledged, 0 lost")


if __name__ == "__main__":
    main()

"""The matrix: which clients there are, and how they are run side by side."""

import concurrent.futures
import subprocess

import tools
from client import CHECKS
from clients.awscli import AwsCli
from clients.boto import Boto3
from clients.browser import Browser
from clients.js import JavaScript
from clients.minio import Minio
from clients.pyarrow import PyArrow
from clients.rclone import Rclone
from clients.restic import Restic
from clients.s3cmd import S3cmd
from clients.s5cmd import S5cmd
from samples import LISTED_BUCKET, Samples

CLIENTS = [AwsCli, Boto3, JavaScript, Minio, S3cmd, Rclone, PyArrow, S5cmd, Restic, Browser]


def run(endpoints, scratch, report, only, checks, jobs):
    """Runs every client over every transport, a few at a time."""
    clients = [each for each in CLIENTS if only is None or each.name in only]
    samples = Samples(scratch)
    fill_listed_bucket(endpoints[0], samples)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = []
        for client_class in clients:
            for endpoint in endpoints:
                client = client_class(endpoint, samples, report)
                runs.append(pool.submit(client.run, wanted(client, checks)))
        for each in concurrent.futures.as_completed(runs):
            each.result()


def wanted(client, checks):
    every = [*CHECKS, *client.extra_checks]
    return every if checks is None else [each for each in every if each in {"create-bucket", *checks}]


def fill_listed_bucket(endpoint, samples):
    """Puts the 2,500 small objects that all clients list; s5cmd is the quickest at it."""
    s5cmd = [tools.program("s5cmd"), "--endpoint-url", endpoint.url, "--numworkers", "16"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(samples.folder), **endpoint.environment()}
    subprocess.run([*s5cmd, "mb", f"s3://{LISTED_BUCKET}"], check=True, env=environment, capture_output=True)
    copy = [*s5cmd, "cp", f"{samples.listed_folder()}/", f"s3://{LISTED_BUCKET}/"]
    subprocess.run(copy, check=True, env=environment, capture_output=True)

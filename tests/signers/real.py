#!/usr/bin/env python3
"""The SDKs themselves, each with every form of a signature that it has, against a running node.

    tests/signers/real.py --launch PROGRAM | DIR/env [--only boto3,rust]

A signer is a program that is given a bucket and a file, and prints a line for each form: `FORM: ok`, with
the payload's word where it was sent in chunks; `FORM: n/a why` for what the SDK does not have; or what
went wrong. EXPECTED says which of them must hold, so that none can go missing. Ends with 'N passed, N
failed'.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
REAL = HERE / "real"
sys.path[:0] = [str(HERE), str(HERE.parent / "clients")]

import tools  # noqa: E402
import under_test  # noqa: E402

FORMS = ["header", "presigned", "chunked", "v4a header", "v4a presigned", "v4a chunked"]
# The forms that each of them has.
EXPECTED = {
    "boto3 without awscrt": FORMS[:3],
    "boto3 with awscrt": FORMS,
    "AWS CLI v1": FORMS[:3],
    "JS v3, signature-v4a": ["header", "presigned", "chunked", "v4a header", "v4a chunked"],
    "minio-py": ["header", "presigned"],
    "aws-sdk-rust": ["header", "presigned", "chunked", "v4a header", "v4a presigned"],
}
BUCKET = "real-signers"
FILE_BYTES = 300_000


def programs():
    """The command of each signer."""
    python = [sys.executable]
    rust = tools.TARGET / "rust-signers"
    build = ["cargo", "build", "--quiet", "--locked", "--manifest-path", REAL / "rust" / "Cargo.toml"]
    return {
        "boto3 without awscrt": lambda: [*python, REAL / "boto.py", "without"],
        "boto3 with awscrt": lambda: [*python, REAL / "boto.py", "with"],
        "AWS CLI v1": lambda: [*python, REAL / "cli.py"],
        # Beside its libraries, where Node looks for them.
        "JS v3, signature-v4a": lambda: ["node", tools.copied(REAL / "js.mjs")],
        "minio-py": lambda: [*python, REAL / "minio_py.py"],
        "aws-sdk-rust": lambda: built([*build, "--target-dir", rust], rust / "debug" / "blockhouse-rust-signers"),
    }


def built(build, program):
    subprocess.run(build, check=True)
    return [program]


def main():
    parser = under_test.parser(__doc__)
    parser.add_argument("--only", metavar="WORDS", help="signers whose names hold one of these, by commas")
    options = parser.parse_args()
    tools.in_own_environment()
    tools.install()
    wanted = [name for name in EXPECTED if any(word in name for word in (options.only or "").split(","))]
    passed = failed = 0
    with under_test.environment_file(options) as path, tempfile.TemporaryDirectory(prefix="blockhouse-") as folder:
        environment = environment_of(path, folder)
        make_bucket(environment)
        file = pathlib.Path(folder) / "file"
        file.write_bytes(random.Random(1).randbytes(FILE_BYTES))
        commands = programs()
        for name in wanted:
            said = told(commands[name](), file, environment)
            for form in FORMS:
                outcome = said.get(form, "n/a it is not told")
                right = outcome.startswith("ok" if form in EXPECTED[name] else "n/a")
                passed, failed = passed + right, failed + (not right)
                print(f"{'PASS' if right else 'FAIL'}  {name:21} {form:14} {outcome[:400]}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def environment_of(path, folder):
    """The variables that AWS's tools read, and no others of theirs."""
    import own

    variables = own.read_environment(path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    region = variables["AWS_REGION"]
    return {**kept, **variables, "HOME": str(folder), "AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true",
            "NODE_EXTRA_CA_CERTS": variables["AWS_CA_BUNDLE"], "PYTHONPATH": str(REAL)}


def make_bucket(environment):
    import boto3

    key = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
           "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"], region_name=environment["AWS_REGION"],
                 **key).create_bucket(Bucket=BUCKET)


def told(command, file, environment):
    """What a signer said of each form."""
    done = subprocess.run([*map(str, command), BUCKET, str(file)], capture_output=True, text=True, env=environment,
                          timeout=300)
    lines = (line.partition(": ") for line in done.stdout.splitlines())
    said = {form: outcome for form, _, outcome in lines if form in FORMS}
    if not said:
        said = dict.fromkeys(FORMS, " ".join(done.stderr.split())[-300:])
    return said


if __name__ == "__main__":
    main()

"""AWS CLI v1, the program: `cli.py BUCKET FILE`. See ../real.py."""

import os
import pathlib
import re
import subprocess
import sys

import forms


def main(bucket, file):
    aws = pathlib.Path(sys.executable).with_name("aws")
    content = pathlib.Path(file).read_bytes()
    back = pathlib.Path(file).with_suffix(".cli")

    def run(*words, door=forms.HTTP, version="s3v4"):
        config = back.with_suffix(".config")
        config.write_text(f"[default]\ns3 =\n  signature_version = {version}\n  addressing_style = path\n")
        command = [aws, "--debug", *words, "--endpoint-url", door]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, AWS_CONFIG_FILE=str(config)))
        forms.expect(done.returncode == 0, done.stderr[-300:])
        if version == "s3v4a" and "AWS4-ECDSA-P256-SHA256" not in done.stdout + done.stderr:
            raise forms.Absent("it signs for plain buckets with V4, whatever its configuration says")
        return done

    def header(version):
        run("s3", "cp", file, f"s3://{bucket}/by link", version=version)
        run("s3", "cp", f"s3://{bucket}/by link", str(back), version=version)
        forms.expect(back.read_bytes() == content, "another content came back")

    def presigned(version):
        link = run("s3", "presign", f"s3://{bucket}/by link", version=version).stdout.strip()
        forms.use_links(None, link, content)

    def chunked(version):
        put = ["s3api", "put-object", "--bucket", bucket, "--key", "chunked", "--body", file]
        words = re.findall(r"STREAMING-[A-Z0-9-]+", run(*put, door=forms.HTTPS, version=version).stderr)
        forms.expect(words, "it was not sent in chunks")
        run("s3api", "get-object", "--bucket", bucket, "--key", "chunked", str(back), version=version)
        forms.expect(back.read_bytes() == content, "another content came back")
        return words[0]

    for prefix, version in (("", "s3v4"), ("v4a ", "s3v4a")):
        for call in (header, presigned, chunked):
            forms.tell(prefix + call.__name__, lambda: call(version), forms.Absent)


main(*sys.argv[1:])

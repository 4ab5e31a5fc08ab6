"""The samples of docs/links.md do what the page says, as they stand there."""

import pathlib
import re
import subprocess
import sys

import tools

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "links.md"
BODY = b"as the page says"


def block(language):
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(found) == 1, f"{len(found)} samples in {language}"
    return found[0]


def notes(house):
    for bucket in ("notes", "inbox"):
        house.s3.create_bucket(Bucket=bucket)
    house.s3.put_object(Bucket="notes", Key="first.txt", Body=BODY)


def works_once(house, url):
    assert house.ask(url).expect(200).body == BODY
    house.ask(url).expect(403, "AccessDenied")


def python(house):
    notes(house)
    program = block("python") + "\nprint(once)\nprint(capped)\n"
    printed = subprocess.run([sys.executable, "-c", program], env=house.environment, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr[-500:]
    once, capped = printed.stdout.split()
    works_once(house, once)
    house.ask(capped, "PUT", bytes((1 << 20) + 1)).expect(400, "EntityTooLarge")
    house.ask(capped, "PUT", b"short").expect(200)


def javascript(house):
    program = tools.JS / "links-sample.mjs"
    program.write_text(block("js"))
    printed = subprocess.run(["node", program], env=house.environment, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr[-500:]
    works_once(house, printed.stdout.strip())


def command(house):
    lines = [line for line in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)[0].splitlines() if line]
    links = []
    for line in lines:
        words = line.replace("203.0.113.0/24", "127.0.0.1").split()
        assert words[0] == "blockhouse"
        done = subprocess.run([house.program, *words[1:]], env=house.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        links.append(done.stdout.strip())
    once, bound, upload = links
    works_once(house, once)
    assert house.ask(bound, "HEAD").status == 200
    house.ask(upload, "PUT", b"report").expect(200)
    house.ask(upload, "PUT", b"report").expect(403, "AccessDenied")


CHECKS = {"boto3": python, "the JavaScript SDK": javascript, "blockhouse presign": command}

#!/usr/bin/env python3
"""Real S3 clients against a running node: every client, over http and https, does everything it can.

    tests/clients/run.py --launch target/release/blockhouse [--plain]
    tests/clients/run.py --env DIR/env
    ... [--only boto3,rclone] [--check list]

`--launch` starts `blockhouse dev` in a temporary folder on free ports, waits until it is ready, and
ends it by SIGTERM afterwards; `--plain` has it reach its disks by plain calls instead of io_uring.
`--env` takes a node that runs already, by the file that `blockhouse dev` wrote.

One line per client, transport and check: PASS, FAIL, or N/A with the reason why this client cannot
say it. Ends with 'N passed, N failed'. The clients come from PyPI and npm, pinned, into a folder
beside the build output, and from Debian's packages. Nothing but loopback is spoken to.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tools


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    node = parser.add_mutually_exclusive_group(required=True)
    node.add_argument("--launch", metavar="PROGRAM", help="start this program's dev command")
    node.add_argument("--env", metavar="FILE", help="use a node that runs already")
    parser.add_argument("--plain", action="store_true", help="with --launch: plain calls instead of io_uring")
    parser.add_argument("--only", metavar="CLIENTS", help="these clients alone, separated by commas")
    parser.add_argument("--check", metavar="CHECKS", help="these checks alone, and create-bucket before them")
    parser.add_argument("--jobs", type=int, default=3, help="how many clients work at the same time")
    return parser.parse_args()


def main():
    options = arguments()
    tools.in_own_environment()
    tools.install()
    # Only now: these need what was just installed.
    import matrix
    import node
    from report import Report

    started = time.monotonic()
    report = Report()
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blockhouse-clients-")))
        if options.launch:
            endpoints = stack.enter_context(node.launched(options.launch, scratch / "node", options.plain))
        else:
            endpoints = node.endpoints(pathlib.Path(options.env))
        only = options.only.split(",") if options.only else None
        checks = options.check.split(",") if options.check else None
        matrix.run(endpoints, scratch, report, only=only, checks=checks, jobs=options.jobs)
    print(f"{time.monotonic() - started:.0f} s")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())

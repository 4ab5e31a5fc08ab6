#!/usr/bin/env python3
"""Access points by real SDKs against a running node: every promise of docs/access-points.md.

    tests/access-points/run.py --launch target/release/blockhouse [--only boto,js,permission,refusals]

Launches `blockhouse dev` with two accounts in a temporary folder on free ports, and ends it afterwards. One
line a check: PASS or FAIL. Ends with 'N passed, N failed'. Nothing but loopback is spoken to: whatever name
an access point has, the clients' own resolvers are told that it is here.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "links"), str(HERE.parent / "clients")]

import tools


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", required=True, help="start this program's dev command")
    parser.add_argument("--only", metavar="CHECKS", help="these checks alone, separated by commas")
    options = parser.parse_args()
    tools.in_own_environment()
    tools.install()
    # Only now: these need what was just installed.
    import permission
    import refusals
    import sdks
    from house import House, run_checks

    checks = {
        **sdks.CHECKS,
        **{f"permission: {name}": check for name, check in permission.CHECKS.items()},
        **{f"refusals: {name}": check for name, check in refusals.CHECKS.items()},
    }
    only = options.only.split(",") if options.only else None
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blockhouse-access-points-")))
        house = House(options.launch, scratch, arguments=["--second-account"])
        stack.callback(house.stop)
        house.start()
        return run_checks(checks, only, house)


if __name__ == "__main__":
    sys.exit(main())

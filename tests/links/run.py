#!/usr/bin/env python3
"""Links by real SDKs against a running node: every promise of docs/links.md.

    tests/links/run.py --launch target/release/blockhouse [--only terms,samples]

Launches `blockhouse dev` in a temporary folder on free ports, with an alias name, and ends it
afterwards. One line a check: PASS or FAIL. BLOCKHOUSE_LINK_RACES says how many one-time links are raced
for (100), each by 100 at once; BLOCKHOUSE_LINK_KILLS how many times the node is killed under load (5).
Ends with 'N passed, N failed'. Nothing but loopback is spoken to.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "clients")]

import tools


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", required=True, help="start this program's dev command")
    parser.add_argument("--only", metavar="CHECKS", help="these checks alone, separated by commas")
    return parser.parse_args()


def main():
    options = arguments()
    tools.in_own_environment()
    tools.install()
    # Only now: these need what was just installed.
    import clocks
    import kills
    import once
    import revoked
    import samples
    import terms
    from house import House, run_checks

    checks = {
        **{f"terms: {name}": check for name, check in terms.CHECKS.items()},
        **{f"once: {name}": check for name, check in once.CHECKS.items()},
        **{f"revoked: {name}": check for name, check in revoked.CHECKS.items()},
        **{f"samples: {name}": check for name, check in samples.CHECKS.items()},
        **{f"clocks: {name}": check for name, check in clocks.CHECKS.items()},
        **{f"kills: {name}": check for name, check in kills.CHECKS.items()},
    }
    only = options.only.split(",") if options.only else None
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blockhouse-links-")))
        house = House(options.launch, scratch)
        stack.callback(house.stop)
        house.start()
        return run_checks(checks, only, house)


if __name__ == "__main__":
    sys.exit(main())

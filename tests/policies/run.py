#!/usr/bin/env python3
"""Who may do what, by boto3 against a running node: buckets' policies, address lists, links under both.

    tests/policies/run.py --launch target/release/blockhouse [--only lists,links]

Launches `blockhouse dev` with two accounts in a temporary folder, and ends it afterwards. One line a check:
PASS or FAIL. Ends with 'N passed, N failed'. Runs in a network namespace of its own, from several addresses
of its loopback, IPv4 and IPv6.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "links"), str(HERE.parent / "clients")]

import tools

# Where requests over IPv6 come from, besides ::1.
V6_SOURCES = ("fd00:b10c::2", "fd00:b10c::3", "fd00:b10c:1::4")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", required=True, help="start this program's dev command")
    parser.add_argument("--only", metavar="CHECKS", help="these checks alone, separated by commas")
    options = parser.parse_args()
    tools.in_own_environment()
    tools.install()
    tools.in_own_network(*(f"{address}/128" for address in V6_SOURCES))
    # Only now: these need what was just installed.
    import accounts
    import commands
    import explain
    import identities
    import lists
    import links
    import printed
    import simulator
    import table
    from house import House, run_checks

    checks = {f"{module.__name__}: {name}": check
              for module in (commands, simulator, table, printed, lists, links, accounts, identities, explain)
              for name, check in module.CHECKS.items()}
    only = options.only.split(",") if options.only else None
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blockhouse-policies-")))
        house = House(options.launch, scratch, arguments=["--second-account"], v6=True)
        stack.callback(house.stop)
        house.start()
        return run_checks(checks, only, house)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The network filter, from outside: who is known by which network, what is dropped, and what survives whom.

    tests/net/run.py --launch target/release/blockhouse [--only overlap,spoof] [--scale]
    tests/net/run.py --self-test

Launches `blockhouse dev --net` in a world of its own (world.py): a network namespace, names of namespaces and
processes that end with it, so that nothing is left behind, whatever happens. In it stand veth pairs; `netfilterd`
takes one end of each into the namespace of a VPC, the other is in a namespace of clients (worker.py), which speak
to the VPC's endpoint by boto3, by nothing but sockets, or by frames that they make themselves.

    overlap     two VPCs with the same addresses: policies, address lists, links, access points, the audit, forged
                headers
    names       the name service of each VPC
    limits      rates, caps, cloak, network ACLs, security groups: silence; and 403 where a policy says no
    public      endpoints outside of any VPC, PROXY protocol v2
    applying    networks that contradict themselves, the difference shown first, drift mended
    spoof       10,000 packets of each kind that lie, all counted, none heard of by the gateway
    replace     1,000 replacements of rules under load
    crash       kill -9 of netfilterd and of the node under load
    unit        the systemd unit of netfilterd, and netfilterd as it starts it
    scale       200 VPCs with 5 subnets each; with --scale alone

One line a check: PASS or FAIL. A check that cannot run says NET-SKIP and why, and has failed. Ends with 'N passed,
N failed'. BLOCKHOUSE_NET_PACKETS, _REPLACEMENTS, _DEATHS and _VPCS change the numbers above.

--self-test shows without a node that the harness does what the checks believe it does: that clients reach what
stands in for an endpoint from the address that they choose, that frames arrive with right checksums and every
one is counted, that a killed run leaves nothing behind.
"""

import argparse
import contextlib
import importlib
import pathlib
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("links", "access-points", "clients"))]

import tools
import world

# In the order in which they run: the plain ones first, those that break something last.
MODULES = ("overlap", "names", "limits", "public", "applying", "unit", "spoof", "replace", "crash")
LINE_MAX = 500
LOG_END_BYTES = 4000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", help="start this program's dev command")
    parser.add_argument("--only", metavar="CHECKS", help="these checks alone, separated by commas")
    parser.add_argument("--scale", action="store_true", help="also with 200 VPCs")
    parser.add_argument("--self-test", action="store_true", help="test the harness instead of a node")
    parser.add_argument("--hold", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.launch or options.self_test or options.hold):
        parser.error("--launch or --self-test")
    modules = [*MODULES, *(["scale"] if options.scale else [])]
    if options.self_test or options.hold:
        modules = ["selftest"]
    if not (reason := world.forbidden()):
        tools.in_own_environment()
        tools.install()
        reason = world.missing()
    if reason:
        for name in modules:
            print(f"FAIL  {name}: NET-SKIP {reason}")
        print(f"0 passed, {len(modules)} failed")
        return 1
    world.enter()
    # Only now: these need what was just installed.
    import models

    checks = {f"{name}: {check}": function for name in modules
              for check, function in importlib.import_module(name).CHECKS.items()}
    if options.only:
        only = options.only.split(",")
        checks = {name: check for name, check in checks.items() if name in only or name.split(":")[0] in only}
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blockhouse-net-")))
        here = world.World()
        stack.callback(here.close)
        models.lay(here)
        if options.hold:
            importlib.import_module("selftest").hold()
        if options.self_test:
            return run_checks(checks, here, None)
        from networked import Networked
        house = Networked(options.launch, scratch, here)
        stack.callback(house.stop)
        try:
            house.start()
        except Exception:  # the reason is on standard error, and in the log
            print(f"FAIL  the node did not start\n0 passed, {len(checks)} failed", flush=True)
            traceback.print_exc()
            show_log(house.log)
            return 1
        return run_checks(checks, house, house.log)


def run_checks(checks, house, log):
    """Runs the checks; a line for each, with what it has to tell, and the sum. The exit code."""
    passed, failed = 0, 0
    for name, check in checks.items():
        started = time.monotonic()
        try:
            told = check(house)
        except world.Skip as reason:
            failed += 1
            print(f"FAIL  {name}: NET-SKIP {reason}"[:LINE_MAX], flush=True)
        except Exception as error:  # every kind of failure ends as one line
            failed += 1
            place = next((frame for frame in reversed(traceback.extract_tb(error.__traceback__))
                          if frame.filename.startswith(str(HERE))), None)
            where = f"{pathlib.Path(place.filename).name}:{place.lineno}" if place else "?"
            line = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"FAIL  {name}: {line[:LINE_MAX]} ({where})", flush=True)
        else:
            passed += 1
            print(f"PASS  {name}  {time.monotonic() - started:.1f} s" + (f"  {told}" if told else ""), flush=True)
    if failed and log:
        show_log(log)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


def show_log(log):
    if log.exists():
        print(log.read_text(errors="replace")[-LOG_END_BYTES:], file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

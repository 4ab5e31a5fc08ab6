"""A world of its own for the tests: networks, names of networks, processes; and what is built in it.

    the tests' network            of each wire
      bhn-a1 ═══════════════════ eth0 in cl-a1      a client namespace plays a subnet
      bhn-b1 ═══════════════════ eth0 in cl-b1
         └─ netfilterd takes this end

The tests run in a network namespace, a mount namespace with a /run/netns of its own, and a process
namespace that ends with them. However they end, the kernel then takes down every namespace, link and
process that they or the node have made; nothing has to be remembered.
"""

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time

MARK = "BLOCKHOUSE_TEST_WORLD"
# The programs without which nothing can be shown.
NEEDED = ("ip", "nft", "unshare", "mount")

# In a client namespace: no waiting for whether an address is free, and a question for hardware addresses
# in the name of the subnet asked in, as hosts and routers do that have several addresses.
CLIENT_SETTINGS = ("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                   "net.ipv4.conf.all.arp_announce=2", "net.ipv4.conf.default.arp_announce=2",
                   "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                   "net.ipv6.conf.all.accept_ra=0", "net.ipv6.conf.default.accept_ra=0",
                   # Clients that open connections all the time need every port, and soon again.
                   "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1")


class Skip(Exception):
    """What keeps a check from running. It counts as failed all the same."""


def until(what, condition, seconds=30.0):
    """Waits until the condition gives something, and gives that; says what did not come."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"within {seconds:g} s not: {what}"
        time.sleep(pause)
        pause = min(0.2, pause * 1.5)


def run(*words, stdin=None, check=True, timeout=60):
    """Runs a program, and gives what it printed; what it says in anger is part of the error."""
    done = subprocess.run(words, capture_output=True, text=True, input=stdin, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()[:300]}")
    return done.stdout


def forbidden():
    """Why nobody need try."""
    return "not root" if os.geteuid() != 0 else None


def missing():
    """Why a world cannot be made here; nothing if it can."""
    absent = [program for program in NEEDED if not shutil.which(program)]
    if absent:
        return f"no program {', '.join(absent)}"
    probe = ["unshare", "--net", "sh", "-c", "ip link add bhn-p type veth peer name bhn-q && nft list ruleset"]
    done = subprocess.run(probe, capture_output=True, text=True)
    return f"no network namespace with veth and nftables: {done.stderr.strip()[:200]}" if done.returncode else None


def enter():
    """Restarts this program in a world of its own. The shell there is the first process, and so the one
    that the orphans of a killed launcher end under."""
    if os.environ.pop(MARK, None):
        return
    os.environ[MARK] = "own"
    up = ("mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && "
          "ip address add 127.0.0.2/8 dev lo")
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork",
                          "--kill-child=SIGKILL", "--mount-proc", "sh", "-c", f'{up} && "$0" "$@"',
                          sys.executable, *sys.argv])


def namespaces():
    return {line.split()[0] for line in run("ip", "netns", "list").splitlines() if line}


def inside(namespace, *words, **options):
    return run("ip", "netns", "exec", namespace, *words, **options)


def links(namespace=None):
    """The links of a namespace by name, without its loopback."""
    where = ["-n", namespace] if namespace else []
    listed = json.loads(run("ip", *where, "-j", "link", "show"))
    return {link["ifname"]: link for link in listed if link["ifname"] != "lo"}


class Wire:
    """A veth pair, the node's end of which is here and the clients' end in a namespace of theirs."""

    def __init__(self, number, name, addresses):
        self.port, self.namespace = f"bhn-{name}", f"cl-{name}"
        self.node_mac, self.client_mac = (f"02:bb:00:00:{side}:{number:02x}" for side in ("01", "02"))
        self.addresses = addresses
        self.guest = None

    def lay(self):
        run("ip", "netns", "add", self.namespace)
        inside(self.namespace, "sysctl", "-qw", *CLIENT_SETTINGS)
        run("ip", "link", "add", self.port, "address", self.node_mac, "type", "veth", "peer", "name", "eth0",
            "address", self.client_mac, "netns", self.namespace)
        commands = ["link set lo up", "link set eth0 up"]
        for address in self.addresses:
            is_v6 = ":" in address
            commands.append(f"address add {address} dev eth0" + (" nodad" if is_v6 else ""))
        run("ip", "-n", self.namespace, "-batch", "-", stdin="\n".join(commands) + "\n")

    def route(self, to, via=None):
        way = ["via", via] if via else ["dev", "eth0"]
        run("ip", "-n", self.namespace, "route", "replace", to, *way)

    def source(self, last):
        """Its address that ends so, such as `.50` or `::50`."""
        for address in self.addresses:
            host = str(ipaddress.ip_interface(address).ip)
            if host.endswith(last):
                return host
        raise KeyError(last)


class World:
    """The wires of a run."""

    def __init__(self):
        self.wires = {}

    def wire(self, name, *addresses):
        wire = Wire(len(self.wires) + 1, name, addresses)
        wire.lay()
        self.wires[name] = wire
        return wire

    def __getattr__(self, name):
        try:
            return self.__dict__["wires"][name]
        except KeyError:
            raise AttributeError(name) from None

    def close(self):
        """Ends the clients; the kernel does the rest."""
        for wire in self.wires.values():
            if wire.guest:
                wire.guest.close()

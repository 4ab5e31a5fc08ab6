"""Sends packets at a namespace's rules and tells what the kernel counted.

stdin:  {"batches": [...], "links": {name: [address/prefix]}, "groups": [{"frames": [...], "counted": n}]}
stdout: for each group, the counters that moved and by how much

This process is in the namespace of the rules. A child in another one holds the far ends of the links and
sends from there, so that nothing the kernel answers comes back to be counted again.
"""

import ipaddress
import json
import socket
import struct
import subprocess
import sys

NEAR = bytes.fromhex("020000000001")
FAR = bytes.fromhex("020000000002")
TRIES = 200


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def payload(flow):
    """The protocol's number and the bytes."""
    kind = flow["kind"]
    if kind == "tcp":
        flags = 0x02 if flow["opening"] else 0x10
        return 6, struct.pack("!HHIIBBHHH", 40000, flow["port"], 1, 1, 5 << 4, flags, 1000, 0, 0)
    if kind == "udp":
        return 17, struct.pack("!HHHH", 40000, flow["port"], 8, 0)
    if kind == "icmp":
        number = 58 if ":" in flow["source"] else 1
        target = ipaddress.ip_address(flow["target"]).packed if flow["target"] else b""
        return number, struct.pack("!BBHI", flow["type"], 0, 0, 0) + target
    return 132, bytes(12)


def frame(flow):
    if flow["kind"] == "arp":
        sender = ipaddress.ip_address(flow["source"]).packed
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + FAR + sender + bytes(6) + bytes([10, 0, 1, 10])
        return b"\xff" * 6 + FAR + b"\x08\x06" + body
    source, destination = (ipaddress.ip_address(flow[end]).packed for end in ("source", "destination"))
    protocol, data = payload(flow)
    if len(source) == 4:
        flags = 0x2000 if flow["fragment"] else 0
        head = [0x45, 0, 20 + len(data), 1, flags, flow["hops"], protocol]
        checked = ones_sum(struct.pack("!BBHHHBBH", *head, 0) + source + destination)
        return NEAR + FAR + b"\x08\x00" + struct.pack("!BBHHHBBH", *head, checked) + source + destination + data
    if flow["fragment"]:
        protocol, data = 44, struct.pack("!BBHI", protocol, 0, 1, 1) + data
    head = struct.pack("!IHBB", 6 << 28, len(data), protocol, flow["hops"])
    return NEAR + FAR + b"\x86\xdd" + head + source + destination + data


def setting(name, value):
    with open("/proc/sys/net/" + name, "w") as file:
        file.write(value)


def send():
    """In the far namespace: the frames of a group in a line."""
    # Or it would look for neighbours and routers by itself.
    setting("ipv6/conf/all/disable_ipv6", "1")
    setting("ipv6/conf/default/disable_ipv6", "1")
    print("ready", flush=True)
    sockets = {}
    for line in sys.stdin:
        flows = json.loads(line)
        for flow in flows:
            link = flow["link"]
            if link not in sockets:
                sockets[link] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                sockets[link].bind(("far-" + link, 0))
            sockets[link].send(frame(flow))
        print("sent", flush=True)


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def counters():
    listed = json.loads(run("nft", "-j", "list", "counters"))["nftables"]
    return {c["counter"]["name"]: c["counter"]["packets"] for c in listed if "counter" in c}


def make(links, sender):
    # There are no routes here, by which a source would be judged before the rules do.
    setting("ipv4/conf/all/rp_filter", "0")
    setting("ipv4/conf/default/rp_filter", "0")
    for name, addresses in links.items():
        far = "far-" + name
        run("ip", "link", "add", name, "address", NEAR.hex(":"), "type", "veth", "peer", "name", far, "address", FAR.hex(":"))
        run("ip", "link", "set", far, "netns", str(sender.pid))
        run("nsenter", "-t", str(sender.pid), "-n", "ip", "link", "set", far, "up")
        run("ip", "link", "set", name, "up")
        for address in addresses:
            run("ip", "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))


def main():
    wanted = json.load(sys.stdin)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["unshare", "-n", sys.executable, __file__, "send"], **pipes) as sender:
        sender.stdout.readline()
        make(wanted["links"], sender)
        for batch in wanted["batches"]:
            run("nft", "-j", "-f", "-", input=json.dumps(batch))
        moved = []
        before = counters()
        for group in wanted["groups"]:
            sender.stdin.write(json.dumps(group["frames"]) + "\n")
            sender.stdin.flush()
            sender.stdout.readline()
            for _ in range(TRIES):
                now = counters()
                delta = {name: now[name] - before[name] for name in now if now[name] != before[name]}
                # What the node sends of itself is no answer to this.
                delta.pop("c_outgoing", None)
                # A drop for an endpoint is counted for the namespace too.
                total = sum(n for name, n in delta.items() if "." not in name or name.startswith("c_accept"))
                if total >= group["counted"]:
                    break
            moved.append(delta)
            before = now
        sender.stdin.close()
    json.dump(moved, sys.stdout)


send() if sys.argv[1:] == ["send"] else main()

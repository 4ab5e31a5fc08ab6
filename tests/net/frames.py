"""Ethernet frames made by hand, with right checksums: what a host that lies puts on the wire."""

import ipaddress
import socket
import struct

ETH_IP4, ETH_ARP, ETH_IP6 = 0x0800, 0x0806, 0x86DD
SYN = 0x02
CHUNK = 500


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def ethernet(to, sender, kind, payload):
    return mac(to) + mac(sender) + struct.pack("!H", kind) + payload


def syn(source, destination, port, source_port=40000, sequence=1):
    """A TCP segment that opens a connection, in its IP packet; and the packet's Ethernet type."""
    one, other = packed(source), packed(destination)
    head = struct.pack("!HHIIBBHHH", source_port, port, sequence, 0, 5 << 4, SYN, 64240, 0, 0)
    if len(one) == 4:
        pseudo = one + other + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
    else:
        pseudo = one + other + struct.pack("!IHBB", len(head), 0, 0, socket.IPPROTO_TCP)
    head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    return ip(one, other, socket.IPPROTO_TCP, head)


def ip(one, other, protocol, payload, fragment=0, hops=64):
    if len(one) == 16:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops)
        return ETH_IP6, head + one + other + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, hops, protocol, 0) + one + other
    return ETH_IP4, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def piece(source, destination):
    """The first fragment of a UDP packet."""
    more_fragments = 0x2000
    udp = struct.pack("!HHHH", 40000, 53, 64, 0) + b"\0" * 16
    return ip(packed(source), packed(destination), socket.IPPROTO_UDP, udp, more_fragments)


def arp(sender_mac, sender, target, reply=False):
    """RFC 826: `sender` says which hardware address it has."""
    head = struct.pack("!HHBBH", 1, ETH_IP4, 6, 4, 2 if reply else 1)
    return ETH_ARP, head + mac(sender_mac) + packed(sender) + b"\0" * 6 + packed(target)


def neighbor(sender_mac, source, destination, target, advertises):
    """RFC 4861, 4.3 and 4.4: a question for the hardware address of `target`, or the claim to have it."""
    one, other = packed(source), packed(destination)
    kind, option = (136, 2) if advertises else (135, 1)
    override = 0x20000000 if advertises else 0
    body = struct.pack("!BBHI", kind, 0, 0, override) + packed(target) + bytes([option, 1]) + mac(sender_mac)
    pseudo = one + other + struct.pack("!IHBB", len(body), 0, 0, socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return ip(one, other, socket.IPPROTO_ICMPV6, body, hops=255)


def transmit_drops(link):
    """Frames that this end could not hand over: the other's queue was full."""
    with open("/proc/self/net/dev", encoding="ascii") as table:
        for line in table:
            name, _, rest = line.partition(":")
            if name.strip() == link:
                return int(rest.split()[11])
    raise RuntimeError(f"no link {link}")


def send(frames, count, link="eth0"):
    """Sends frames, one after the other and again from the first, until so many have arrived at the other
    end; gives that number. What the link itself dropped is sent again."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((link, 0))
        arrived = attempts = 0
        while arrived < count:
            assert attempts < 20 * count, f"{arrived} of {count} arrived"
            before = transmit_drops(link)
            chunk = min(CHUNK, count - arrived)
            for number in range(chunk):
                raw.send(frames[(attempts + number) % len(frames)])
            attempts += chunk
            arrived += chunk - (transmit_drops(link) - before)
    return arrived

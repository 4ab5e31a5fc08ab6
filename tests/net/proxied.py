"""The header of the PROXY protocol, version 2, as a load balancer writes it (HAProxy's proxy-protocol.txt)."""

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CRC32C, AWS, AWS_VPCE = 0x03, 0xEA, 0x01


def crc32c(data):
    """RFC 3720, Castagnoli's polynomial, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def vpce(identity):
    """PP2_SUBTYPE_AWS_VPCE_ID of PP2_TYPE_AWS: the VPC endpoint that the load balancer was reached by."""
    return tlv(AWS, bytes([AWS_VPCE]) + identity.encode())


def header(source=None, destination=None, tlvs=b"", local=False, checked=None):
    """The header; `checked` adds a checksum, a right one or a wrong one."""
    if source:
        one, other = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        family = 0x11 if one.version == 4 else 0x21
        addresses = one.packed + other.packed + struct.pack("!HH", 51000, 80)
    else:
        family, addresses = 0x00, b""

    def whole(extra):
        rest = addresses + tlvs + extra
        return SIGNATURE + struct.pack("!BBH", 0x20 if local else 0x21, family, len(rest)) + rest

    if checked is None:
        return whole(b"")
    crc = crc32c(whole(tlv(CRC32C, bytes(4))))
    return whole(tlv(CRC32C, struct.pack("!I", crc if checked else crc ^ 1)))

"""The networks of the checks: two VPCs that have every address in common, and what is changed of them.

    vpc-a  10.0.0.0/16, fd00:10::/48                 vpc-b  10.0.0.0/16, fd00:10::/48
      subnet-a1  10.0.1.0/24  bhn-a1  vpce-a           subnet-b1  10.0.1.0/24  bhn-b1  vpce-b
      subnet-a2  10.0.2.0/24  bhn-a2  no endpoint
      subnet-a3  10.0.3.0/24  behind subnet-a1's router

Both endpoints are 10.0.1.10 and fd00:10:0:1::10; both have clients at .50, .51 and .66.
"""

import copy

# The first account of `blockhouse dev`.
ACCOUNT = "000000000001"
ENDPOINT, ENDPOINT6 = "10.0.1.10", "fd00:10:0:1::10"
ONE, OTHER, THIRD = "10.0.1.50", "10.0.1.51", "10.0.1.66"
ONE6, OTHER6, THIRD6 = "fd00:10:0:1::50", "fd00:10:0:1::51", "fd00:10:0:1::66"
ROUTER, ROUTED = "10.0.1.1", "10.0.3.50"
# The node's own address in subnet-a2, and a host there.
SILENT, SILENT6, BESIDE, BESIDE6 = "10.0.2.9", "fd00:10:0:2::9", "10.0.2.60", "fd00:10:0:2::60"
PUBLIC, PUBLIC6 = "203.0.113.10", "2001:db8:113::10"
NEAR, NEAR6, FAR, PUBLIC_ROUTER = "203.0.113.50", "2001:db8:113::50", "198.51.100.7", "203.0.113.1"
BALANCED, BALANCER, NO_BALANCER = "192.0.2.10", "192.0.2.20", "192.0.2.30"
PLENTY = {"new_connections_per_second": 100_000, "burst": 100_000}

PROFILE = """name = "net-test"

[cores]
verifier = [-1]
dedicated = false

[network]
plain = ["bhn-*"]
"""


def lay(world):
    """The wires of these networks."""
    clients = [f"{ONE}/24", f"{OTHER}/24", f"{THIRD}/24", f"{ONE6}/64", f"{OTHER6}/64", f"{THIRD6}/64"]
    world.wire("a1", *clients, f"{ROUTER}/24", f"{ROUTED}/32")
    world.wire("b1", *clients)
    world.wire("a2", f"{BESIDE}/24", f"{BESIDE6}/64")
    world.wire("up", f"{NEAR}/24", f"{NEAR6}/64", f"{PUBLIC_ROUTER}/24", f"{FAR}/32")
    world.wire("lb", f"{BALANCER}/24", f"{NO_BALANCER}/24")


def vpc(letter):
    """A VPC with its endpoint in its first subnet."""
    return {
        "id": f"vpc-{letter}", "account": ACCOUNT, "cidrs": ["10.0.0.0/16", "fd00:10::/48"],
        "subnets": [{"id": f"subnet-{letter}1", "cidrs": ["10.0.1.0/24", "fd00:10:0:1::/64"],
                     "attach": {"interface": f"bhn-{letter}1"}}],
        "endpoint": {"id": f"vpce-{letter}", "subnet": f"subnet-{letter}1", "addresses": [ENDPOINT, ENDPOINT6],
                     "ports": {"http": 80, "https": 443}, "security_groups": ["sg-open"], "limits": dict(PLENTY)},
    }


def standard():
    """Both VPCs, open to all of their addresses."""
    first = vpc("a")
    first["subnets"][0]["gateway"] = [ROUTER]
    first["subnets"] += [
        {"id": "subnet-a2", "cidrs": ["10.0.2.0/24", "fd00:10:0:2::/64"], "attach": {"interface": "bhn-a2"},
         "address": [SILENT, SILENT6]},
        {"id": "subnet-a3", "cidrs": ["10.0.3.0/24"]}]
    return {"vpcs": [first, vpc("b")], "security_groups": [{"id": "sg-open", "ingress": [
        {"sources": ["0.0.0.0/0", "::/0"]}]}]}


def endpoint(model, letter):
    return next(each for each in model["vpcs"] if each["id"] == f"vpc-{letter}")["endpoint"]


def changed(**of_endpoint_a):
    """The standard model, of which vpce-a has these fields."""
    model = standard()
    endpoint(model, "a").update(copy.deepcopy(of_endpoint_a))
    return model


def public():
    """The standard model with a public endpoint, and one behind a load balancer."""
    model = standard()
    model["public_endpoints"] = [
        {"id": "public-1", "attach": {"interface": "bhn-up"}, "cidrs": ["203.0.113.0/24", "2001:db8:113::/64"],
         "addresses": [PUBLIC, PUBLIC6], "gateway": [PUBLIC_ROUTER], "ports": {"http": 80, "https": 443},
         "security_groups": ["sg-open"]},
        {"id": "public-lb", "attach": {"interface": "bhn-lb"}, "cidrs": ["192.0.2.0/24"], "addresses": [BALANCED],
         "ports": {"http": 80}, "security_groups": ["sg-open"],
         "proxy": {"trusted": [f"{BALANCER}/32"], "endpoints": {"vpce-0123456789abcdef0": "vpce-a"}}}]
    return model

"""Clocks that are set back: what has ended stays so, on two nodes that agree on nothing but that."""

from house import House
from once import token

DAY = 86_400
BODY = b"once upon a time"


def end(house):
    """Ends a link in each way that there is; gives the links."""
    house.put("ended", BODY)
    used, revoked, uploaded = house.link("get_object", "ended", token()), house.link("get_object", "ended"), \
        house.link("put_object", "up", token())
    expired = house.link("get_object", "ended", expires=1)
    house.ask(used).expect(200), house.ask(uploaded, "PUT", BODY).expect(200)
    done = house.run_link("revoke", revoked)
    assert done.returncode == 0, done.stderr
    return {"used": used, "revoked": revoked, "uploaded": uploaded, "expired": expired}


def none_lives(house, links, when):
    for how, url in links.items():
        answer = house.ask(url, "PUT" if how == "uploaded" else "GET", BODY if how == "uploaded" else None)
        assert (answer.status, answer.code()) == (403, "AccessDenied"), (when, how, answer.status, answer.body[:200])


def set_back(house):
    nodes = [House(house.program, house.scratch, name) for name in ("early", "late")]
    try:
        for node in nodes:
            node.start()
        links = [end(node) for node in nodes]
        for node in nodes:
            # The store has seen a time at which the short link is over; writes take it there.
            node.stop()
            node.start(clock_offset=60)
            node.put("later", BODY)
            node.stop()
        for offset in (-DAY, -8 * DAY, 0):
            for node, ended in zip(nodes, links):
                node.start(clock_offset=offset)
                none_lives(node, ended, f"the clock {offset} s ahead")
                # One node's revocations and uses are not the other's, nor are its keys.
                # Another life span: signed in one second, the revoked link and this one would be the same.
                live = node.link("get_object", "ended", expires=601)
                expected = 200 if offset >= -DAY else None
                answer = node.ask(live)
                assert expected is None or answer.status == expected, (node.folder.name, offset, answer.status, answer.body[:300])
                node.stop()
    finally:
        for node in nodes:
            node.stop()


CHECKS = {"set back": set_back}

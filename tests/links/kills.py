"""kill -9 under the load of one-time links: never two winners, never one used up for nobody."""

import concurrent.futures
import os
import random
import secrets
import threading

from house import BUCKET

ROUNDS = int(os.environ.get("BLOCKHOUSE_LINK_KILLS", "5"))
LINKS = 200
WORKERS = 8
BODY = b"survives"

# What a client has seen of its one try.
WON, LOST, NOTHING, NEVER = "won", "lost", "nothing", "never tried"


def attempt(house, url, put):
    try:
        answer = house.ask(url, "PUT", BODY) if put else house.ask(url)
    except OSError:
        return NOTHING
    if answer.status == 200:
        return WON
    answer.expect(403, "AccessDenied")
    return LOST


def one_round(house, number):
    house.put("killed", BODY)
    terms = [{"x-bh-once": secrets.token_urlsafe(16)} for _ in range(LINKS)]
    urls = [house.link("put_object", f"killed/{number}/{n}", term) if n % 2 else house.link("get_object", "killed", term)
            for n, term in enumerate(terms)]
    seen, tried, enough = [NEVER] * LINKS, 0, threading.Event()
    target = random.Random(number).randrange(LINKS // 4, 3 * LINKS // 4)
    lock, order = threading.Lock(), iter(range(LINKS))

    def work():
        nonlocal tried
        while True:
            with lock:
                n = next(order, None)
            if n is None:
                return
            seen[n] = attempt(house, urls[n], n % 2 == 1)
            if seen[n] == NOTHING:
                return
            with lock:
                tried += 1
                if tried == target:
                    enough.set()

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(work) for _ in range(WORKERS)]
        assert enough.wait(timeout=60), "the node hangs"
        house.kill()
        for worker in workers:
            worker.result()
    house.start()

    keys = {each["Key"] for each in house.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"killed/{number}/").get("Contents", [])}
    for n, url in enumerate(urls):
        put = n % 2 == 1
        stored = f"killed/{number}/{n}" in keys
        again = attempt(house, url, put)
        what = f"round {number}, link {n}: {seen[n]}, then {again}"
        if seen[n] == WON:
            assert again == LOST and (not put or stored), what
        elif seen[n] == NEVER:
            assert again == WON and not stored, what
        elif seen[n] == NOTHING and put:
            # In one commit: the object is there and the link is used, or neither.
            assert stored == (again == LOST), what
        else:
            assert seen[n] != LOST, what
        assert attempt(house, url, put) == LOST, f"{what}, then once more"


def kills(house):
    for number in range(ROUNDS):
        one_round(house, number)


CHECKS = {"under load": kills}

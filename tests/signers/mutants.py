#!/usr/bin/env python3
"""Signs random requests in every form and changes each in many ways: any bit of any part, any order,
anything twice, gone or new. A mutant may verify only if signing it anew with the known secret gives the
signature that it carries.

    tests/signers/mutants.py [--mutants 10000] [--seed 1]

The number may also come from BLOCKHOUSE_MUTANTS. What "signing anew" means is said by reference.py, which
shares nothing with Blockhouse. Ends with 'N passed, N failed'.
"""

import argparse
import collections
import copy
import os
import random as randomness
import sys

import run

# Of one signed request, so that signing is not all that takes time.
MUTANTS_EACH = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=int(os.environ.get("BLOCKHOUSE_MUTANTS", "10000")))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = randomness.Random(options.seed)
    keys = [(f"BHAK{n:016}", "".join(random.choice("aZ09/+=-_ ") for _ in range(40))) for n in range(8)]
    judge, count, kinds = run.Judge(keys), run.Count(), collections.Counter()
    made = 0
    while made < options.mutants:
        of_this = randomness.Random(f"{options.seed} {made}")
        made += one_request(of_this, keys, judge, count, kinds, made // MUTANTS_EACH)
    for (form, said), number in sorted(kinds.items()):
        print(f"{form}: {number} mutants {said}")
    forms = {form for form, _ in kinds}
    count.check(len(forms) == 8, "a form was left out", sorted(forms), None)
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed or not count.passed else 0)


def one_request(random, keys, judge, count, kinds, n):
    """Signs one request, and has it and its mutants judged; gives their number."""
    import signers

    forms = [*((name, signed_head) for name in signers.SIGNERS), ("form", signed_form), ("chunks", None)]
    name, make = forms[n % len(forms)]
    if make is None:
        return one_chain(random, keys, judge, count, kinds)
    key = random.choice(keys)
    signed, alike, change = make(random, key, name)
    verdict = judge.ask(signed)
    count.check(verdict["ok"], f"{name}: refused as signed", signed, verdict)
    mutants = []
    for _ in range(MUTANTS_EACH):
        mutant = copy.deepcopy(signed)
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            change(random, mutant)
        mutants.append(mutant)
    for mutant, verdict in zip(mutants, judge.ask_all(mutants)):
        tell(count, kinds, name, verdict["ok"], lambda: alike(mutant), mutant)
    return len(mutants)


def tell(count, kinds, form, accepted, alike, mutant):
    """Counts a mutant: one that was accepted must be signed alike."""
    said = "accepted, signed alike" if accepted else "refused"
    kinds[form, said] += 1
    count.check(not accepted or alike(), f"{form}: a mutant was accepted", mutant, said)


def signed_head(random, key, name):
    """A request by a real signer, what is signed as it is, and how it is changed."""
    import generate
    import mutate
    import reference
    import signers

    now, expires = signers.moment(random), random.choice([60, 3600, 604800])
    signed = signers.SIGNERS[name](generate.request(random), key, now, random.choice(["s3", "s3-outposts"]), expires)
    signed["now"] = int(now.timestamp())
    claim = reference.claims(signed)
    text = reference.string_to_sign(signed, claim)

    def alike(mutant):
        if claim["algorithm"] != "AWS4-HMAC-SHA256":
            # An ECDSA signature is another one each time: what it was made over must be the same.
            return run.same_when_signed(mutant, claim, text)
        also = reference.claims(mutant)
        if also is None or reference.unsigned(mutant, also):
            return False
        scope = also["credential"].partition("/")[2]
        texts = (reference.string_to_sign(mutant, also, keep_port) for keep_port in (False, True))
        return any(reference.signature(key[1], scope, text) == also["signature"] for text in texts)

    def change(random, mutant):
        # One header stays, so that every change has something to work on.
        if len(mutant["headers"]) > 1 or random.random() < 0.5:
            random.choice(mutate.ALL)(random, mutant)
        if not mutant["headers"]:
            mutant["headers"].append(["host", "left"])

    return signed, alike, change


def signed_form(random, key, _name):
    """A browser's form; its policy is all that is signed."""
    import base64

    import mutate
    import own
    import reference
    import signers

    now = signers.moment(random)
    scope = f"{own.basic(now)[:8]}/{signers.REGION}/s3/aws4_request"
    policy = base64.b64encode(random.randbytes(random.randint(1, 200))).decode()
    fields = [["policy", policy], ["x-amz-algorithm", own.ALGORITHM], ["x-amz-credential", f"{key[0]}/{scope}"],
              ["x-amz-date", own.basic(now)], ["x-amz-signature", reference.signature(key[1], scope, policy)]]
    random.shuffle(fields)
    signed = {"method": "POST", "path": "/bucket", "query": "", "headers": [["host", "s3.test"]], "tls": False,
              "form": fields, "now": int(now.timestamp())}

    def alike(mutant):
        fields = dict(mutant["form"])
        scope = fields.get("x-amz-credential", "").partition("/")[2]
        return reference.signature(key[1], scope, fields.get("policy", "")) == fields.get("x-amz-signature")

    return signed, alike, mutate.form_field


def one_chain(random, keys, judge, count, kinds):
    """A head that announces signed chunks; each chain has one link changed, and may go on only if what
    was changed is no part of a link."""
    import hashlib

    import generate
    import mutate
    import reference
    import signers

    made = 0
    while made < MUTANTS_EACH:
        key, now = random.choice(keys), signers.moment(random)
        request = dict(generate.request(random), method="PUT")
        signed = signers.SIGNERS["botocore header"](request, key, now, "s3", 0, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        signed["now"] = int(now.timestamp())
        head = judge.ask(signed)
        count.check(head["ok"] and head["chain"] is not None, "a head with signed chunks is refused", signed, head)
        claim = reference.claims(signed)
        scope, previous, links = claim["credential"].partition("/")[2], claim["signature"], []
        for n in range(random.randint(2, 5)):
            digest = hashlib.sha256(random.randbytes(n)).hexdigest()
            previous = chunk_signature(key, claim, scope, previous, digest)
            links.append({"chain": head["chain"], "digest": digest, "signature": previous, "trailer": False})
        changed = mutate.chain(random, copy.deepcopy(links))
        previous = claim["signature"]
        for link, verdict in zip(changed, judge.ask_all([{"link": link} for link in changed])):
            # Of a chain that is broken already every link must be refused.
            holds = previous is not None and not link["trailer"]
            again = holds and chunk_signature(key, claim, scope, previous, link["digest"]) == link["signature"]
            tell(count, kinds, "chunks", verdict["ok"], lambda: again, link)
            previous = link["signature"] if again else None
            made += 1
    return made


def chunk_signature(key, claim, scope, previous, digest):
    import hashlib

    import reference

    lines = ["AWS4-HMAC-SHA256-PAYLOAD", claim["date"], scope, previous, hashlib.sha256(b"").hexdigest(), digest]
    return reference.signature(key[1], scope, "\n".join(lines))


if __name__ == "__main__":
    run.in_own_environment()
    sys.path.insert(0, str(run.HERE))
    main()

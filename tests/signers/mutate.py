"""One change to a signed request: something an attacker might try, or a mere respelling."""

import copy
import re

STRUCK = "abcXYZ012-_.~%/+&=; ,:"


def struck(random, text):
    """The text with one character replaced, added or removed."""
    at = random.randint(0, len(text))
    kind = random.randrange(3)
    if kind == 0:
        return text[:at] + random.choice(STRUCK) + text[at:]
    return text[:at] + (random.choice(STRUCK) if kind == 1 else "") + text[at + 1:]


def path(random, request):
    request["path"] = "/" + struck(random, request["path"]).lstrip("/").replace(" ", "").replace("?", "")


def query(random, request):
    request["query"] = struck(random, request["query"]).replace(" ", "")


def parameter(random, request):
    request["query"] += random.choice(["&x=1", "&prefix=a", "&versionId=null", "&X-Amz-Expires=604800", "&=", "&&"])


def method(random, request):
    request["method"] = random.choice(["GET", "PUT", "DELETE", "HEAD", "POST"])


def header_value(random, request):
    header = random.choice(request["headers"])
    header[1] = struck(random, header[1])


def header_gone(random, request):
    request["headers"].remove(random.choice(request["headers"]))


def header_twice(random, request):
    request["headers"].append(list(random.choice(request["headers"])))


def header_new(random, request):
    request["headers"].append([random.choice(["x-amz-acl", "x-amz-meta-one", "x-amz-copy-source", "range",
                                              "content-type", "x-other"]), "new"])


def host(random, request):
    for header in request["headers"]:
        if header[0] == "host":
            header[1] = random.choice(["evil.test", header[1] + ":80", header[1] + ":443", header[1].upper()])


def scheme(_random, request):
    request["tls"] = not request["tls"]


def signature(random, request):
    turn = lambda match: match.group(1) + struck(random, match.group(2))
    for header in request["headers"]:
        header[1] = re.sub("(Signature=)([0-9a-f]+)", turn, header[1])
    request["query"] = re.sub("(X-Amz-Signature=)([0-9a-f]+)", turn, request["query"])


def respell(random, request):
    """Says the same in other words: must still be accepted."""
    request["path"] = re.sub("%[0-9A-F]{2}", lambda m: random.choice([m.group().lower(), m.group()]), request["path"])
    request["path"] = request["path"].replace("~", random.choice(["~", "%7e", "%7E"]))
    pairs = request["query"].split("&")
    random.shuffle(pairs)
    request["query"] = "&".join(pairs).replace("%20", random.choice(["%20", "+"]))
    for header in request["headers"]:
        if header[0] != "authorization" and random.random() < 0.5:
            header[1] = "  " + header[1].replace(" ", "   ") + " "
    order = sorted({name for name, _ in request["headers"]}, key=lambda _: random.random())
    request["headers"] = [h for name in order for h in request["headers"] if h[0] == name]


ATTACKS = [path, query, parameter, method, header_value, header_gone, header_twice, header_new, host, scheme, signature]


def mutated(random, request, change):
    changed = copy.deepcopy(request)
    change(random, changed)
    return changed

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


def flipped(random, text):
    """The text with one bit of one character changed; it stays ASCII, as a head is."""
    if not text:
        return text
    at = random.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1 << random.randrange(7)) + text[at + 1:]


def bit(random, request):
    part = random.randrange(5)
    if part < 3:
        name = ["method", "path", "query"][part]
        request[name] = flipped(random, request[name])
    elif request["headers"]:
        header = random.choice(request["headers"])
        header[part - 3] = flipped(random, header[part - 3]).lower() if part == 3 else flipped(random, header[1])


def parameter_order(random, request):
    pairs = request["query"].split("&")
    random.shuffle(pairs)
    request["query"] = "&".join(pairs)


def parameter_twice(random, request):
    pairs = request["query"].split("&")
    pairs.insert(random.randint(0, len(pairs)), random.choice(pairs))
    request["query"] = "&".join(pairs)


def parameter_gone(random, request):
    pairs = request["query"].split("&")
    pairs.remove(random.choice(pairs))
    request["query"] = "&".join(pairs)


def parameter_exchanged(random, request):
    """Two parameters change their values."""
    pairs = [pair.partition("=") for pair in request["query"].split("&")]
    one, other = random.choice(range(len(pairs))), random.choice(range(len(pairs)))
    values = {one: pairs[other][2], other: pairs[one][2]}
    request["query"] = "&".join(n + e + values.get(at, v) for at, (n, e, v) in enumerate(pairs))


def header_order(random, request):
    random.shuffle(request["headers"])


def header_exchanged(random, request):
    one, other = random.choice(request["headers"]), random.choice(request["headers"])
    one[1], other[1] = other[1], one[1]


def escapes(random, request):
    """Escapes in the other case, or twice, or not at all."""
    turn = random.choice([lambda m: m.group().lower(), lambda m: "%25" + m.group()[1:],
                          lambda m: chr(int(m.group()[1:], 16)).replace("\n", "") if int(m.group()[1:], 16) < 128
                          else m.group()])
    name = random.choice(["path", "query"])
    request[name] = re.sub("%[0-9A-Fa-f]{2}", lambda m: turn(m) if random.random() < 0.5 else m.group(), request[name])


def space(random, request):
    """White space where it may or may not count."""
    header = random.choice(request["headers"]) if request["headers"] else ["", ""]
    at = random.randint(0, len(header[1]))
    header[1] = header[1][:at] + random.choice([" ", "\t", "  "]) + header[1][at:]


def form_field(random, request):
    """One change to the fields of a form."""
    fields = request["form"]
    kind = random.randrange(4)
    if not fields or kind == 0:
        random.shuffle(fields)
    elif kind == 1:
        fields.remove(random.choice(fields))
    else:
        field = random.choice(fields)
        field[1] = flipped(random, field[1]) if kind == 2 else struck(random, field[1])


def chain(random, links):
    """One change to a chain of signed chunks."""
    at = random.randrange(len(links))
    kind = random.randrange(6)
    if kind == 0:
        links[at]["digest"] = f"{int(links[at]['digest'], 16) ^ 1 << random.randrange(256):064x}"
    elif kind == 1:
        links[at]["signature"] = flipped(random, links[at]["signature"])
    elif kind == 2:
        links[at]["trailer"] = True
    elif kind == 3:
        random.shuffle(links)
    elif kind == 4:
        del links[at]
    else:
        links.insert(at, links[random.randrange(len(links))])
    return links


ATTACKS = [path, query, parameter, method, header_value, header_gone, header_twice, header_new, host, scheme, signature]

ALL = [*ATTACKS, bit, bit, bit, parameter_order, parameter_twice, parameter_gone, parameter_exchanged, header_order,
       header_exchanged, escapes, space, respell]


def mutated(random, request, change):
    changed = copy.deepcopy(request)
    change(random, changed)
    return changed

"""Names under blockhouse.test lead to this machine, for this process alone."""

import socket


def resolve_here():
    if getattr(socket.getaddrinfo, "leads_here", False):
        return
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        named = isinstance(host, str) and host.endswith(".blockhouse.test")
        return resolve("127.0.0.1" if named else host, *rest, **options)

    getaddrinfo.leads_here = True
    socket.getaddrinfo = getaddrinfo

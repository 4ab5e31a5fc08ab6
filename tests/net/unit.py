"""The unit of netfilterd: what systemd says of it, and the process as it starts it, with its socket as stdin."""

import configparser
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from world import Skip, run

UNITS = pathlib.Path(__file__).resolve().parents[2] / "systemd"
UNIT = "blockhouse-netfilterd.service"
# Tenths of systemd's measure, of which 100 is worst; what it counts beyond this is what the process is for.
EXPOSURE_MAX = 45
CAPABILITIES = ("CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_SYS_ADMIN")
# Source: linux/capability.h.
CAPABILITY_BITS = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
SECONDS = 10


def service():
    # A setting may stand there several times, which adds up; those that are read here do not.
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / UNIT)
    return unit["Service"]


def judged(house):
    if not shutil.which("systemd-analyze"):
        raise Skip("no program systemd-analyze")
    with tempfile.TemporaryDirectory(prefix="blockhouse-units-") as folder:
        # The program is looked for where the unit says, and is not installed here.
        for path in UNITS.glob("blockhouse-*"):
            text = path.read_text().replace("/usr/bin/blockhouse", house.program)
            (pathlib.Path(folder) / path.name).write_text(text)
        unit = f"{folder}/{UNIT}"
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        assert done.returncode == 0 and UNIT not in done.stderr, done.stderr[-500:]
        told = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)
    return told.strip().splitlines()[-1].encode("ascii", "ignore").decode().strip()


@contextlib.contextmanager
def started(house):
    """The process as the unit starts it, once it has said that it is ready; and the socket's path."""
    with tempfile.TemporaryDirectory(prefix="blockhouse-unit-") as folder:
        settings, path, word = (f"{folder}/{name}" for name in ("netfilterd.toml", "netfilterd.sock", "notify.sock"))
        text = (UNITS / "netfilterd.toml").read_text()
        pathlib.Path(settings).write_text(re.sub(r"gateway_uid = \d+", f"gateway_uid = {os.geteuid()}", text))
        program, *words = service()["ExecStart"].split()
        assert program == "/usr/bin/blockhouse"
        words = [settings if each == "/etc/blockhouse/netfilterd.toml" else each for each in words]
        assert settings in words
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            listener.bind(path)
            listener.listen()
            notified.bind(word)
            notified.settimeout(SECONDS)
            process = subprocess.Popen([house.program, *words], stdin=listener, stderr=subprocess.PIPE, text=True,
                                       env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": word})
            try:
                assert notified.recv(100) == b"READY=1"
                yield process, path
            finally:
                process.kill()
                process.communicate()


def as_it_starts_it(house):
    bits = sum(1 << CAPABILITY_BITS[name] for name in CAPABILITIES)
    assert sorted(service()["CapabilityBoundingSet"].split()) == sorted(CAPABILITIES)
    with started(house) as (process, path):
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        held = dict(re.findall(r"^(Cap\w+|NoNewPrivs):\s+(\w+)$", status, re.MULTILINE))
        assert {int(held[name], 16) for name in ("CapBnd", "CapPrm", "CapEff")} == {bits}, held
        assert (int(held["CapAmb"], 16), held["NoNewPrivs"]) == (0, "1"), held
        for _ in range(2):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
                asking.settimeout(SECONDS)
                asking.connect(path)
                asking.send(b"no message of ours")
                assert asking.recv(100) == b"", "what it cannot read, it closes"
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def without_a_socket(house):
    """Whoever forgets the socket is told."""
    settings = str(UNITS / "netfilterd.toml")
    done = subprocess.run([house.program, "netfilterd", "--settings", settings], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1 and "listening socket" in done.stderr, done.stderr
    absent = subprocess.run([house.program, "netfilterd", "--settings", "/nowhere"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=SECONDS)
    assert absent.returncode == 1 and "/nowhere" in absent.stderr, absent.stderr


CHECKS = {"what systemd says": judged, "as it is started": as_it_starts_it, "without a socket": without_a_socket}

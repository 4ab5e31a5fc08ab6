"""The clients themselves, installed when they are missing: Debian packages, PyPI, npm."""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = TARGET / "clients-venv"
JS = TARGET / "clients-js"

# Debian packages by the program they bring.
PACKAGES = {"rclone": "rclone", "restic": "restic", "s3cmd": "s3cmd", "chromium": "chromium", "node": "nodejs",
            "npm": "npm", "faketime": "faketime", "ip": "iproute2", "nft": "nftables", "ping": "iputils-ping"}


def in_own_environment():
    """Restarts this program under an environment that has the pinned Python clients."""
    python = HOME / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == HOME.resolve():
        return
    wanted = (HERE / "requirements.txt").read_text()
    mark = HOME / "requirements.txt"
    if not mark.exists() or mark.read_text() != wanted:
        venv.create(HOME, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        mark.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])


def in_own_network(*addresses):
    """Restarts this program in a network namespace of its own, of which the loopback has these addresses too."""
    if os.environ.pop("BLOCKHOUSE_TEST_NETWORK", None):
        return
    os.environ["BLOCKHOUSE_TEST_NETWORK"] = "own"
    up = " && ".join(["ip link set lo up", *(f"ip address add {address} dev lo" for address in addresses)])
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *user, "--net", "sh", "-c", f'{up} && exec "$0" "$@"', sys.executable, *sys.argv])


def install():
    """Brings the Debian packages that are missing, and the JavaScript SDK."""
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if missing:
        quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(install, check=True, env=quiet, stdout=subprocess.DEVNULL)
    lock = (HERE / "js" / "package-lock.json").read_text()
    mark = JS / "installed-lock.json"
    if not mark.exists() or mark.read_text() != lock:
        JS.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "js" / name, JS / name)
        npm = ["npm", "ci", "--omit=optional", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(npm, check=True, cwd=JS)
        mark.write_text(lock)
    copied(HERE / "js" / "client.mjs")


def copied(script):
    """A script for Node beside the libraries, where it looks for them."""
    return shutil.copy(script, JS / script.name)


def program(name):
    """A program of this environment, else of the system."""
    own = HOME / "bin" / name
    return str(own) if own.exists() else name

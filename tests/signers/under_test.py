"""The node under test: running already, or launched for as long as the test lasts."""

import argparse
import contextlib
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "clients"))

DEVICE_SIZE = "512MiB"


def parser(description):
    """Arguments that name a node: its environment file, or a program to launch."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = options.add_mutually_exclusive_group(required=True)
    which.add_argument("environment", nargs="?", metavar="DIR/env", help="of a node that runs")
    which.add_argument("--launch", metavar="PROGRAM", help="the blockhouse program, to be run as `dev`")
    options.add_argument("--plain", action="store_true", help="with --launch: the node uses plain calls")
    return options


@contextlib.contextmanager
def environment_file(options, more=()):
    """Gives the path of the environment file of the node that `options` name; one that is launched gets
    more arguments."""
    if not options.launch:
        yield options.environment
        return
    import node

    node.DEVICE_SIZE = DEVICE_SIZE
    with tempfile.TemporaryDirectory(prefix="blockhouse-") as folder:
        data = pathlib.Path(folder) / "dev"
        with node.launched(options.launch, data, options.plain, more):
            yield data / "env"

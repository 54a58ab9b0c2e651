"""usage: python3 -m images [--push HOST:PORT] [--as NAME:TAG] [--docker-schema2] [--login USER:PASSWORD] NAME…

Builds images, or finds them in the cache, and prints the folder of each; with --push, copies each to a registry as NAME:latest.
"""
import argparse
import sys

from . import build, oci_layout

parser = argparse.ArgumentParser(prog="images", description="images for tests: " + ", ".join(build.NAMES))
parser.add_argument("--push", metavar="HOST:PORT")
parser.add_argument("--as", dest="target", metavar="NAME:TAG")
parser.add_argument("--login", default="", metavar="USER:PASSWORD")
parser.add_argument("--docker-schema2", action="store_true")
parser.add_argument("names", nargs="+", metavar="NAME")
arguments = parser.parse_args()
try:
    for name in arguments.names:
        folder = build.image(name)
        if arguments.push:
            oci_layout.push(folder, arguments.push, arguments.target or f"{name}:latest",
                            docker_schema2=arguments.docker_schema2, login=arguments.login)
        print(folder)
except (ValueError, RuntimeError, OSError) as error:
    print(f"images: {error}", file=sys.stderr)
    sys.exit(1)

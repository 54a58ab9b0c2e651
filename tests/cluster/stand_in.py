"""A stand-in for `shifterimg lookup`, for what a real gateway cannot be made to do at will: move a tag, hang, count.

The plugin finds the program below udiRootPath, so a test's configuration decides. See with_gateway.py for the real one.
"""
import os

from site_fixture import Site

PROGRAM = """#!/bin/sh
# usage: shifterimg lookup TYPE:TAG [--platforms]; runs the file that the test wrote for TYPE:TAG
here={folder}
echo "$1 $2" >>$here/calls
name=$(echo "$2" | tr / %)
[ -e "$here/answers/$name" ] || {{ echo "shifterimg: $2 is not known here; pull it first" >&2; exit 1; }}
. "$here/answers/$name"
"""


class StandIn:
    def __init__(self, site: Site):
        self.folder = f"{site.dir}/stand-in"
        for name in ("", "/bin", "/answers"):
            os.mkdir(self.folder + name, 0o755)
        with open(f"{self.folder}/bin/shifterimg", "w") as out:
            out.write(PROGRAM.format(folder=self.folder))
        os.chmod(f"{self.folder}/bin/shifterimg", 0o755)
        with open(f"{self.folder}/calls", "w"):
            os.chmod(f"{self.folder}/calls", 0o666)

    @property
    def config(self) -> str:
        """The lines of udiRoot.conf that make it the site's shifterimg."""
        return f"udiRootPath={self.folder}\n"

    def answer(self, request: str, script: str) -> None:
        """What happens from now on when `request` ("docker:app:1") is looked up: commands of sh."""
        with open(f"{self.folder}/answers/{request.replace('/', '%')}", "w") as out:
            out.write(script + "\n")

    def know(self, request: str, identifier: str) -> None:
        self.answer(request, f"echo {identifier}")

    def calls(self) -> list[str]:
        """The lookups since the last call of this."""
        with open(f"{self.folder}/calls", "r+") as stream:
            lines = stream.read().splitlines()
            stream.truncate(0)
        return lines

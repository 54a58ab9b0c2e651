"""The two ways to install shifter, and the one table of what differs without its set-id bit.

Suites of tests/integration run in both: CMake registers those that its list names IN_BOTH_MODES a second time, with
SHIFTER_TEST_SET_ID=0. A case that is not the same there asks `differs(NAME)`, so nothing differs that is not in this table;
and the table has the names of the one in docs/explanation/without-set-id.md (tests/integration/userns/differences.py).
"""
from dataclasses import dataclass

from site_fixture import SET_ID

NEEDS_ROOT = "that needs root, and shifter is not installed set-id root here"


@dataclass(frozen=True)
class Refused:
    """What is configured or typed, and the line that comes back without set-id: `line` ends it."""
    line: str
    config: str = ""
    words: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()  # of the caller, beside his own


# By the names in the page's first column; None where nothing is refused, and something looks different.
DIFFERENCES: dict[str, Refused | None] = {
    "hooks": Refused(f"cannot run the site's hook sitePreMountHook: {NEEDS_ROOT}", "sitePreMountHook=/bin/true\n"),
    "hooks of modules": Refused(f"cannot run the site's hook module_x_roothook: {NEEDS_ROOT}", "module_x_roothook=/bin/true\n", ("-m", "x")),
    "perNodeCache": Refused(f"cannot make the perNodeCache at /scratch: {NEEDS_ROOT}",
                            "perNodeCachePath=/var/tmp\nperNodeCacheAllowedFsType=xfs\nperNodeCacheSizeLimit=1G\nmkfsXfsPath=/bin/true\n",
                            ("-V", "/tmp:/scratch:perNodeCache=size=300M")),
    "imageMount=kernel": Refused("the site's imageMount is kernel, which needs root, and shifter is not installed set-id root here",
                                 "imageMount=kernel\n"),
    "group 0": Refused("you are a member of group 0, the group of root, which only a set-id shifter can leave out (I1)", groups=(0,)),
    "squashfuse": None,
    "owners": None,
    "supplementary groups": None,
    "private images": None,
    "binds": None,
    "/etc": None,
    "the loader": None,
    "front end": None,
    "jobs": None,
}


def differs(name: str) -> bool:
    """Whether this run is one without set-id. @throws KeyError if the table has no such difference"""
    DIFFERENCES[name]
    return not SET_ID

"""The real images: what each of their layers does. A change here makes a new image; what is cached is found by this text."""
from dataclasses import dataclass, field

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Layer:
    install: list[str] = field(default_factory=list)  # by apt-get, in the image
    extract: list[str] = field(default_factory=list)  # packages unpacked without their scripts
    run: str = ""                                     # sh -eu in the image
    host: str = ""                                    # sh -eu on this machine, in the image's root


@dataclass
class RealImage:
    layers: list[Layer]
    variant: str = "minbase"                          # of mmdebstrap
    base: list[str] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    compression: str = "gzip"


# For the first run on a machine: small and quick, and yet with a whiteout, a hard link and a file capability.
SMALL = RealImage(
    variant="extract", base=["base-files", "base-passwd", "dash", "coreutils", "libc-bin", "grep", "sed"],
    layers=[
        Layer(extract=["perl-base", "libcrypt1"],  # perl and perl5.36.0 are hard links
              run="rm -rf /usr/share/locale /usr/share/doc/coreutils"),
        Layer(extract=["iputils-ping", "libcap2", "libcap2-bin"],
              host="setcap cap_net_raw+ep bin/ping; ln usr/bin/sort usr/bin/sort.link"),
        Layer(run="mkdir -p /app; printf '#!/bin/sh\\necho \"hello from $0\"\\n' >/app/hello; chmod 755 /app/hello; "
                  "printf 'root:x:0:0:root:/root:/bin/sh\\n' >/etc/passwd; rm -f /usr/bin/sha1sum"),
    ],
    config={"Env": [PATH, "GREETING=hello"], "Entrypoint": ["/app/hello"], "Cmd": ["world"], "WorkingDir": "/app",
            "Labels": {"org.example.purpose": "first run"}})

# For the comparison of trees: installs and removals with everything that package managers do to layers.
DEBIAN8 = RealImage(
    layers=[
        Layer(install=["python3", "python3-numpy"]),
        Layer(run="rm -rf /usr/share/doc /usr/share/man/??"),
        Layer(install=["git", "perl", "less", "file"]),  # brings directories back that the layer below removed
        Layer(install=["openssh-client", "iputils-ping", "sudo"],
              run="setcap cap_net_raw+ep /bin/ping 2>/dev/null || true; chmod 4755 /usr/bin/less; chmod 2755 /usr/bin/file; "
                  "mkfifo /var/tmp/fifo; mknod /var/tmp/null c 1 3; ln /usr/bin/git /usr/bin/git.again",
              host="setfattr -n user.origin -v layer4 usr/bin/less; setcap cap_net_raw+ep bin/ping"),
        Layer(run="rm -rf /usr/share/perl; mkdir /usr/share/perl; echo new >/usr/share/perl/only; "   # opaque
                  "rm -rf /usr/share/bug; echo file >/usr/share/bug; "                                 # directory to file
                  "rm /etc/debian_version; mkdir /etc/debian_version; echo x >/etc/debian_version/x; "  # file to directory
                  "rm -rf /usr/share/lintian; ln -s /nowhere /usr/share/lintian; "                     # directory to link
                  "rm /usr/bin/git.again; cp /usr/bin/git /usr/bin/git.again; chown 1234:4321 /usr/share/perl/only"),
        Layer(run="apt-get -q -y remove --purge less; rm -rf /var/log/*; echo keep >/var/log/keep"),
        Layer(install=["less"], run="touch -d @86400 /etc/debian_version/x; chmod 0 /usr/share/perl/only; "
                                    "rm /usr/share/lintian; mkdir /usr/share/lintian; touch /usr/share/lintian/back"),
    ],
    config={"Env": [PATH, "LANG=C.UTF-8"], "Cmd": ["python3"], "WorkingDir": "/srv"})

# Many layers, each small: every third removes what an earlier one made.
SIXTY = RealImage(
    variant="extract", base=SMALL.base,
    layers=[Layer(run=f"mkdir -p /data/{n % 7}/sub{n}; echo layer {n} >/data/{n % 7}/file{n}; cp /bin/cat /data/{n % 7}/sub{n}/cat; "
                      f"echo {n} >/data/counter; "
                      + (f"rm -rf /data/{(n - 4) % 7}; mkdir -p /data/{(n - 4) % 7}; echo again >/data/{(n - 4) % 7}/new{n}; "
                         if n % 3 == 0 else "")
                      + (f"rm -f /data/{(n - 1) % 7}/file{n - 1}; " if n % 5 == 0 else "")
                      + (f"ln -f /data/counter /data/linked{n}; " if n % 4 == 0 else "")) for n in range(1, 60)],
    config={"Env": [PATH]})

# The benchmarks': what a scientist's image looks like.
MEDIUM = RealImage(
    layers=[
        Layer(install=["python3", "python3-numpy", "libopenblas0-pthread"]),
        Layer(install=["openmpi-bin", "python3-mpi4py"]),
        Layer(install=["gcc", "g++", "gfortran", "make"]),
        Layer(install=["git", "openssh-client", "iputils-ping", "sudo", "file", "less", "vim-nox"]),
        Layer(run="rm -rf /usr/share/doc /usr/share/man /usr/lib/python3/dist-packages/numpy/tests"),
        Layer(run="rm -rf /usr/share/perl5; mkdir /usr/share/perl5; echo only >/usr/share/perl5/only; "
                  "cp -a /usr/lib/python3 /usr/local/lib/python3copy; cp -a /usr/lib/gcc /usr/local/lib/gcc"),
        Layer(run="rm -rf /usr/local/lib/python3copy /usr/local/lib/gcc; cp -al /usr/lib/git-core /usr/local/lib/git-linked; "
                  "find /usr/lib/python3/dist-packages/numpy -name '*.py' | while read -r f; do echo '# rebuilt' >>\"$f\"; done",
              host="setcap cap_net_raw+ep bin/ping; setfattr -n user.origin -v layer7 usr/bin/git"),
    ],
    config={"Env": [PATH, "LANG=C.UTF-8"], "Cmd": ["python3"]})

REAL = {"small": SMALL, "debian8": DEBIAN8, "sixty": SIXTY, "medium": MEDIUM}

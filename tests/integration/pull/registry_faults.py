"""R1, R3, R8, I26 to I30: what a registry does wrong, at each stage of a pull, and what the user is told, word for word.

Each row is a registry of its own: Debian's docker-registry with tests/support/fault_registry.py in front of it. First all rows
are pulled with their fault; then the faults are lifted, and each pull is repeated. No row may leave anything in the storage but
a whole image.
"""
import base64
import hashlib
import json
import os
import random
import re
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

import fault_registry
from images import oci_layout, plain_push
from images.layer_tar import Entry, LayerTar
from site_fixture import Site

# Short, so that a fault is not waited for: each is a key of imagemanager.json.
LIMITS = {"ConnectTimeout": 2, "StallTimeout": 1, "DocumentTimeout": 2, "Attempts": 2, "FirstDelay": 10, "MaxDelay": 1, "Redirects": 3,
          "DocumentBytes": "64K"}
READY = "READY"
LAYER_BYTES = 300_000
BEARER = {"kind": "bearer", "user": "reader", "password": "secret-word"}
STAGES = {"manifest": "/manifests/", "config": "/blobs/sha256:{config}", "layer": "/blobs/sha256:{layer}", "token": "/token"}


def at(stage: str, do: str, **more) -> dict:
    """A row's specification: one fault at one stage; at "token" the registry wants one."""
    return {**({"auth": {"kind": "bearer"}} if stage == "token" else {}), "faults": [{"match": STAGES[stage], "do": do, **more}]}


def status(stage: str, code: int, **more) -> dict:
    return at(stage, "status", status=code, **more)


def document(stage: str, body) -> dict:
    return at(stage, "document", body=body if isinstance(body, str) else json.dumps(body))


def config_of(body: dict) -> dict:
    """A configuration of another shape, in a manifest that names it rightly."""
    return {"config_document": json.dumps(body)}


def manifest_of(**parts) -> dict:
    return {"manifest_parts": parts}


BROKEN = "{host} broke the connection (tried 2 times)"
LATE = "{host} did not answer in time (tried 2 times)"
REFUSED = "{host} refused access (401): it does not exist there, or needs a login (shifterimg login)"
FORBIDDEN = "{host} refused access (403); log in with shifterimg login"
TOO_MANY = "{host} answered 429 (too many requests) (tried 2 times)"
ANSWERED_500 = "{host} answered 500 (tried 2 times)"
NOT_THERE = "{host} does not have it (404)"
TOO_LONG = "{host} sent a document of more than 65536 bytes"
FETCH = "cannot fetch sha256:{layer} of rows: "
RETRY_LATER = {"headers": {"Retry-After": "0"}}

# What happens; how it is made; what the pull ends with.
ROWS = [
    # Statuses.
    ("403 for the manifest", status("manifest", 403), FORBIDDEN),
    ("404 for the manifest", status("manifest", 404), NOT_THERE + "; is the name right?"),
    ("429 for the manifest, for ever", status("manifest", 429), TOO_MANY),
    ("429 for the manifest, once, with Retry-After", status("manifest", 429, times=1, **RETRY_LATER), READY),
    ("429 for the manifest, once", status("manifest", 429, times=1), READY),
    ("500 for the manifest, for ever", status("manifest", 500), ANSWERED_500),
    ("503 for the manifest, once", status("manifest", 503, times=1), READY),
    ("418 for the manifest", status("manifest", 418), "{host} answered 418"),
    ("403 for the config", status("config", 403), FORBIDDEN),
    ("404 for the config", status("config", 404), NOT_THERE),
    ("429 for the config, for ever", status("config", 429), TOO_MANY),
    ("500 for the config, for ever", status("config", 500), ANSWERED_500),
    ("500 for the config, once", status("config", 500, times=1), READY),
    ("403 for a layer", status("layer", 403), FETCH + FORBIDDEN),
    ("404 for a layer", status("layer", 404), FETCH + NOT_THERE),
    ("429 for a layer, for ever", status("layer", 429, **RETRY_LATER), FETCH + TOO_MANY),
    ("429 for a layer, once", status("layer", 429, times=1), READY),
    ("500 for a layer, for ever", status("layer", 500), FETCH + ANSWERED_500),
    ("500 for a layer, once", status("layer", 500, times=1), READY),
    ("403 for a token", status("token", 403), REFUSED),
    ("404 for a token", status("token", 404), "{host} has no tokens at the place that it names (404)"),
    ("429 for a token, for ever", status("token", 429), TOO_MANY),
    ("429 for a token, once, with Retry-After", status("token", 429, times=1, **RETRY_LATER), READY),
    ("500 for a token, for ever", status("token", 500), ANSWERED_500),
    ("500 for a token, once", status("token", 500, times=1), READY),
    # Bytes: too few, too many, others.
    ("a manifest that is cut, for ever", at("manifest", "truncate", bytes=100), BROKEN),
    ("a manifest that is cut, once", at("manifest", "truncate", bytes=100, times=1), READY),
    ("a manifest with another digest than the registry says", at("manifest", "corrupt"),
     "{host} sent something else than sha256:{manifest}"),
    ("a manifest whose digest is no digest", at("manifest", "header", headers={"Docker-Content-Digest": "sha256:none"}),
     "{host} names an unusable digest: a sha256 digest has 64 hexadecimal digits"),
    ("a config that is cut, for ever", at("config", "truncate", bytes=10), BROKEN),
    ("a config with fewer bytes", at("config", "short", bytes=10), "{host} sent 10 bytes in place of {config_size} for sha256:{config}"),
    ("a config with more bytes", at("config", "long", bytes=10), "{host} sent 309 bytes in place of {config_size} for sha256:{config}"),
    ("a config with another digest", at("config", "corrupt"), "{host} sent something else than sha256:{config}"),
    ("a layer that is cut, for ever", at("layer", "truncate", bytes=1000), FETCH + BROKEN),
    ("a layer that is cut in its middle, once", at("layer", "truncate", bytes=150_000, times=1), READY),
    ("a layer with fewer bytes", at("layer", "short", bytes=1000), FETCH + "{host} has only 1000 of its {size} bytes (tried 2 times)"),
    ("a layer with more bytes", at("layer", "long", bytes=10), FETCH + "{host} sent more than its {size} bytes"),
    ("a layer with another digest", at("layer", "corrupt"), FETCH + "the content that arrived has another digest"),
    ("a layer that is cut, and whose rest begins one byte too early",
     {"faults": [{"match": STAGES["layer"], "do": "truncate", "bytes": 150_000, "times": 1},
                 {"match": STAGES["layer"], "do": "bad_range"}]},
     FETCH + "{host} sent another range than was asked for"),
    ("a layer that is cut, at a registry without ranges",
     {"range": False, "faults": [{"match": STAGES["layer"], "do": "truncate", "bytes": 150_000, "times": 1}]}, READY),
    ("a token that is cut", at("token", "truncate", bytes=5), BROKEN),
    # Time.
    ("a manifest that stalls, for ever", at("manifest", "stall", bytes=10, seconds=8), LATE),
    ("a manifest that stalls, once", at("manifest", "stall", bytes=10, seconds=8, times=1), READY),
    ("a manifest that trickles", at("manifest", "slow", bytes=2, seconds=0.1), LATE),
    ("a config that stalls, for ever", at("config", "stall", bytes=10, seconds=8), LATE),
    ("a layer that stalls, for ever", at("layer", "stall", bytes=1000, seconds=8), FETCH + LATE),
    ("a layer that stalls in its middle, once", at("layer", "stall", bytes=150_000, seconds=8, times=1), READY),
    ("a layer that trickles", at("layer", "slow", bytes=100, seconds=0.2), FETCH + LATE),
    ("a layer that comes slowly, but comes", at("layer", "slow", bytes=30_000, seconds=0.1), READY),
    ("a token that stalls, for ever", at("token", "stall", bytes=10, seconds=8), LATE),
    # Connections.
    ("no answer for the manifest", at("manifest", "drop"), BROKEN),
    ("no answer for the manifest, once", at("manifest", "drop", times=1), READY),
    ("no answer for a layer", at("layer", "drop"), FETCH + BROKEN),
    ("no answer for a token", at("token", "drop"), BROKEN),
    ("no HTTP", at("manifest", "garbage"), "{host} does not speak HTTP: Unsupported protocol"),
    # Redirects.
    ("a manifest that redirects to itself", at("manifest", "redirect", location="{path}"), "{host} redirects more than 3 times"),
    ("a layer that redirects to itself", at("layer", "redirect", location="{path}"), FETCH + "{host} redirects more than 3 times"),
    ("a redirect to nowhere", status("layer", 307), FETCH + "{host} redirects to nowhere"),
    ("a redirect to another protocol", at("layer", "redirect", location="file:///etc/passwd"),
     FETCH + "{host} redirects to an address that cannot be used"),
    ("a redirect to a cloud's metadata", at("layer", "redirect", location="http://169.254.169.254/latest/meta-data"),
     FETCH + "{host} redirects: it leads to 169.254.169.254, an address inside the site or of this machine"),
    ("a redirect to a port where nobody is", at("layer", "redirect", location="http://127.0.0.1:1/blob"),
     FETCH + "{host} redirects: 127.0.0.1:1 cannot be reached: Couldn't connect to server (tried 2 times)"),
    ("a redirect to another host that has it",
     {"auth": BEARER, "faults": [{"match": STAGES["layer"], "do": "redirect", "location": "http://127.0.0.1:{other}{path}"}]}, READY, "b"),
    ("a redirect to another host that wants the login",
     {"auth": BEARER, "faults": [{"server": "other", "do": "status", "status": 401, "headers": {"WWW-Authenticate": "Basic realm=\"x\""}},
                                 {"match": STAGES["layer"], "do": "redirect", "location": "http://localhost:{other}{path}"}]},
     FETCH + "{host} redirects to localhost:{other}, which answered 401", "b"),
    ("a token server that redirects", at("token", "redirect", location="http://127.0.0.1:{other}{path}"),
     "{host} redirects who asks for a token, which is not followed"),
    # Who may read.
    ("401, whatever token comes", {"auth": {"kind": "bearer", "always_refuse": True}}, REFUSED),
    ("401, whatever login comes", {"auth": {**BEARER, "always_refuse": True}},
     '{host} does not let "reader" read it (401); ask for access to it, or log in anew with shifterimg login', "b"),
    ("401 by Basic, whatever login comes", {"auth": {**BEARER, "kind": "basic", "always_refuse": True}},
     '{host} refused the login as "reader" (401); log in anew with shifterimg login', "b"),
    ("401 without a challenge", {"auth": {"kind": "bearer", "challenge": ""}}, REFUSED),
    ("401 with a challenge that cannot be read", {"auth": {"kind": "bearer", "challenge": "Bearer realm=\"x"}}, REFUSED),
    ("a token that is good for one request", {"auth": {"kind": "bearer", "uses": 1}}, READY),
    ("a login that is needed", {"auth": BEARER}, READY, "b"),
    ("a token from a realm that is no URL", {"auth": {"kind": "bearer", "realm": "the usual place"}},
     "{host} names no usable place to ask for a token: a URL has a blank or a control character in it"),
    ("a token from a file", {"auth": {"kind": "bearer", "realm": "file:///etc/passwd"}},
     "{host} names no usable place to ask for a token: only http and https URLs are used"),
    ("a token from a cloud's metadata", {"auth": {"kind": "bearer", "realm": "http://169.254.169.254/token"}},
     "{host} wants a token of another host: it leads to 169.254.169.254, an address inside the site or of this machine"),
    ("a token from where nobody is", {"auth": {"kind": "bearer", "realm": "http://127.0.0.1:1/token"}},
     "{host} wants a token of another host: 127.0.0.1:1 cannot be reached: Couldn't connect to server (tried 2 times)"),
    ("a login that another host wants", {"auth": {**BEARER, "realm": "http://localhost:{other}/token"}},
     "{host} wants the login to be sent to localhost:{other}, which the configuration of this registry does not name", "b"),
    ("a login that another host wants, which the configuration names",
     {"auth": {**BEARER, "realm": "http://localhost:{main}/token"}, "location": {"tokenHosts": ["localhost"]}}, READY, "b"),
    # JSON.
    ("a manifest of a megabyte", at("manifest", "document", unit=" ", repeat=1 << 20), TOO_LONG),
    ("a manifest that is deep", at("manifest", "document", unit="[", repeat=10_000),
     "the manifest is refused: it is nested more than 32 levels deep"),
    ("a manifest that is a page", at("manifest", "document", body="<html>", headers={"Content-Type": "text/html"}),
     "the manifest is refused: it is not JSON (byte 1)"),
    ("a manifest that is a list", document("manifest", []), "the manifest is refused: it is not a JSON object"),
    ("a manifest that is null", document("manifest", "null"), "the manifest is refused: it is not a JSON object"),
    ("a manifest that is empty", document("manifest", {}), 'the manifest is refused: its "schemaVersion" is not 2'),
    ("a manifest and an index in one", document("manifest", {"schemaVersion": 2, "manifests": [], "layers": []}),
     "the manifest is refused: it can be read as an index and as a manifest"),
    ("an index without manifests", document("manifest", {"schemaVersion": 2, "manifests": []}), "it has no image for linux/amd64"),
    ("layers that are a text", manifest_of(layers="none"), 'the manifest is refused: it has no list "layers"'),
    ("a layer that is a number", manifest_of(layers=[1]), "the manifest is refused: layer 1 is not an object"),
    ("a layer whose size is a text", manifest_of(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                                                         "digest": "sha256:{layer}", "size": "300000"}]),
     "the manifest is refused: layer 1 has no size in whole bytes"),
    ("a layer whose size is negative", manifest_of(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                                                           "digest": "sha256:{layer}", "size": -1}]),
     "the manifest is refused: layer 1 has no size in whole bytes"),
    ("a layer whose digest is a path", manifest_of(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                                                           "digest": "sha256:../../etc/passwd", "size": 1}]),
     'the manifest is refused: layer 1 has the digest "sha256:../../etc/passwd": a sha256 digest has 64 hexadecimal digits'),
    ("a layer of another length than the manifest says", manifest_of(layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                                                           "digest": "sha256:{layer}", "size": 1 << 20}]),
     FETCH + "{host} has only {size} of its 1048576 bytes (tried 2 times)"),
    ("more layers than diffIDs", manifest_of(layers=[]), "its manifest has 0 layers and its configuration 1"),
    ("a config of a megabyte", at("config", "document", unit=" ", repeat=1 << 20), TOO_LONG),
    ("a config that is deep", config_of({"x": json.loads("[" * 60 + "]" * 60)}),
     "its configuration is refused: it is nested more than 32 levels deep"),
    ("a config that is a list", config_of([]), "its configuration is refused: it is not a JSON object"),
    ("a config whose rootfs is a list", config_of({"os": "linux", "architecture": "amd64", "rootfs": []}),
     'its configuration is refused: it has no object "rootfs"'),
    ("a config whose diffIDs are numbers",
     config_of({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [1]}}),
     "its configuration is refused: diff_id 1 is not a text"),
    ("a config whose environment is an object", config_of({"os": "linux", "architecture": "amd64", "config": {"Env": {}},
                                                           "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}),
     'its configuration is refused: "Env" is not a list'),
    ("a config with another diffID", config_of({"os": "linux", "architecture": "amd64",
                                                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}),
     "cannot read layer sha256:{layer}: its content has the digest sha256:{layer}, but the image's configuration says sha256:" + "0" * 64),
    ("a token of a megabyte", at("token", "document", unit=" ", repeat=1 << 20), TOO_LONG),
    ("a token that is deep", at("token", "document", unit="[", repeat=10_000),
     "{host} gave an answer in place of a token: it is nested more than 32 levels deep"),
    ("a token that is a number", document("token", {"token": 5}), "{host} gave an answer in place of a token: it has no token"),
    ("a token that is a header of its own", document("token", {"token": "x\r\nHost: elsewhere"}),
     "{host} gave an answer in place of a token: its token cannot be a header"),
    ("a token that is a page", document("token", "<html>"), "{host} gave an answer in place of a token: it is not JSON (byte 1)"),
]


class RegistryFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)
        with ThreadPoolExecutor(4) as pool:
            cls.rows = list(pool.map(lambda numbered: cls.begin(*numbered), enumerate(ROWS)))
        cls.addClassCleanup(cls.stop_registries)
        login = base64.b64encode(b"reader:secret-word").decode()
        home = f"{cls.site.dir}/home/{cls.site.users['b'].name}/.docker"  # a has no login, b has one for each registry
        os.mkdir(home)
        with open(f"{home}/config.json", "w") as out:
            json.dump({"auths": {row["host"]: {"auth": login} for row in cls.rows}}, out)
        for path in (home, f"{home}/config.json"):
            os.chown(path, cls.site.users["b"].uid, cls.site.users["b"].gid)
        cls.site.gateway.stop()
        cls.site.write_gateway_config({
            "Locations": {row["host"]: {"url": f"http://{row['host']}", **row["location"]} for row in cls.rows},
            "DefaultImageLocation": cls.rows[0]["host"], "WorkerThreads": 16, "PullUpdateTimeout": 2, "Limits": LIMITS})
        cls.site.start_gateway()

    @classmethod
    def stop_registries(cls):
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda row: row["registry"].stop(), cls.rows))

    @classmethod
    def begin(cls, number: int, row: tuple) -> dict:
        """An image of the row's own in the registry, and the row's faults in front of it."""
        what, spec, expected, *user = row
        folder = f"{cls.work.name}/{number}"
        layout = oci_layout.OciLayout(folder)
        layer = LayerTar(f"{folder}/layer", "plain")
        layer.add(Entry(b"row"), str(number).encode())
        layer.add(Entry(b"noise"), random.Random(number).randbytes(LAYER_BYTES))
        made = layer.close()
        layout.finish([layout.manifest([made], {"Env": ["ROW=1"]}, {"architecture": "amd64", "os": "linux"})])
        plain_push.put(folder, cls.site.registry, "rows", f"row{number}")
        with open(f"{folder}/blobs/{oci_layout.digest(folder).replace(':', '/')}") as stream:
            manifest = json.load(stream)
        words = {"layer": made["digest"][7:], "config": manifest["config"]["digest"][7:], "manifest": oci_layout.digest(folder)[7:],
                 "config_size": str(manifest["config"]["size"]), "size": str(made["size"])}

        def filled(text: str) -> str:
            for name, value in words.items():
                text = text.replace("{" + name + "}", value)
            return text

        spec = dict(spec)
        if (body := spec.pop("config_document", None)) is not None:
            config = {**manifest["config"], "size": len(body), "digest": f"sha256:{hashlib.sha256(body.encode()).hexdigest()}"}
            spec["faults"] = [{"match": "/manifests/", "do": "document", "body": json.dumps({**manifest, "config": config})},
                              {"match": config["digest"], "do": "document", "body": body}]
        if (parts := spec.pop("manifest_parts", None)) is not None:
            text = json.dumps({**manifest, **parts})
            spec["faults"] = [{"match": "/manifests/", "do": "document", "body": text}]
        location = spec.pop("location", {})
        log = f"{folder}/log"
        registry = fault_registry.start(f"http://{cls.site.registry}", json.loads(filled(json.dumps(spec))), log, poll_seconds=0.5)
        host = f"127.0.0.1:{registry.ports['main']}"
        words |= {"host": host, "other": str(registry.ports["other"])}
        return {"what": what, "registry": registry, "host": host, "log": log, "location": location, "user": user[0] if user else "a",
                "name": f"docker:{host}/rows:row{number}", "expected": filled(expected)}

    def pull_all(self) -> list[str]:
        """Pulls every row's image, sixteen at a time: what each ends with."""
        def pull(row: dict) -> str:
            done = self.site.run("shifterimg", "pull", row["name"], user=row["user"])
            if done.returncode == 0:
                return READY
            line = done.stderr.rstrip("\n")
            name = re.escape(row["name"].removeprefix("docker:"))
            return re.sub(rf"^shifterimg: cannot pull (docker:)?{name}: ", "", line)
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(pull, self.rows))

    def unnamed(self) -> list[str]:
        """Files without a name that the gateway holds in the storage."""
        folder, found = f"/proc/{self.site.gateway.pid()}/fd", []
        for number in os.listdir(folder):
            try:
                target = os.readlink(f"{folder}/{number}")
            except OSError:
                continue
            if target.startswith(f"{self.site.dir}/images/") and target.endswith("(deleted)"):
                found.append(target)
        return found

    def test_R3_R8_each_fault_ends_READY_and_whole_or_in_its_reason_and_a_repeat_succeeds(self):
        ended = self.pull_all()
        for row, end in zip(self.rows, ended, strict=True):
            with self.subTest(row["what"]):
                self.assertEqual(end, row["expected"])
                self.assertNotIn(0, row["registry"].seen, "each fault was met")
        self.assertEqual(self.unnamed(), [], "R3: the space of failed pulls is free")
        self.assertEqual(len(self.site.files()), 2 * ended.count(READY), self.site.files())
        for row in self.rows:
            row["registry"].lift()
        self.assertEqual([(row["what"], end) for row, end in zip(self.rows, self.pull_all(), strict=True) if end != READY], [])
        self.assertEqual(len(self.site.files()), 2 * len(self.rows))
        self.assertEqual(self.unnamed(), [])
        for row in self.rows:
            self.check_secrets(row)

    def check_secrets(self, row: dict) -> None:
        """I28: neither a login nor a token of the registry goes to another place."""
        with open(row["log"]) as log:
            asked = [json.loads(line) for line in log]
        followed = [line["path"] for line in asked if line["server"] == "other" and line["authorization"]]
        self.assertEqual(followed, [], row["what"])


if __name__ == "__main__":
    unittest.main()

"""SignaturePolicy: what the site's policy does not let in is not pulled, and the sentence names the scope and the rule."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from images import build
from registry_writer import RegistryWriter
from site_fixture import SYSCONFDIR, Site


def make_key(folder, name, *how):
    subprocess.run(["openssl", "genpkey", *how, "-out", f"{folder}/{name}.key"], check=True, capture_output=True)


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.folder = tempfile.mkdtemp(prefix="shifter-keys-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        p256 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        for name, how in (("site", p256), ("other", p256), ("rsa", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))):
            make_key(cls.folder, name, *how)
        for name in ("site", "rsa"):
            cls.put(f"{name}.pub", subprocess.run(["openssl", "pkey", "-in", f"{cls.folder}/{name}.key", "-pubout"], check=True,
                                                  capture_output=True, text=True).stdout)
        site = cls.site.registry
        cls.put("policy.json", json.dumps({"default": [{"type": "reject"}], "transports": {
            "docker": {
                f"{site}/signed": [{"type": "sigstoreSigned", "keyPath": f"{SYSCONFDIR}/site.pub"}],
                f"{site}/both": [{"type": "sigstoreSigned", "keyPaths": [f"{SYSCONFDIR}/rsa.pub", f"{SYSCONFDIR}/site.pub"],
                                  "signedIdentity": {"type": "matchRepository"}}],
                f"{site}/free": [{"type": "insecureAcceptAnything"}]},
            "squashfs": {"": [{"type": "insecureAcceptAnything"}]}}}))
        cls.site.write_gateway_config({"SignaturePolicy": f"{SYSCONFDIR}/policy.json", "ImportUsers": "all"})
        cls.site.gateway.stop()
        cls.site.start_gateway()
        cls.writer = RegistryWriter(site)

    @classmethod
    def put(cls, name, text):
        path = f"{cls.site.dir}/etc/{name}"
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, 0o644)
        return path

    def push(self, name, key="", signed_as="", **how):
        """Pushes an image, and signs it with `key` for its own name, or for `signed_as`."""
        self.site.push("small", name)
        repository, tag = name.split(":")
        if key:
            self.writer.sign(repository, self.writer.digest(repository, tag), f"{self.folder}/{key}.key",
                             f"{self.site.registry}/{signed_as or name}", **how)

    def refused(self, name, words):
        done = self.site.run("shifterimg", "pull", self.site.image(name))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.site.run("shifterimg", "lookup", self.site.image(name)).returncode, 1)

    def test_what_the_site_has_signed_and_what_it_leaves_free_is_pulled(self):
        self.push("signed/app:1", "site")
        self.push("both/app:1", "rsa", "both/app")  # as cosign does: without a tag
        self.push("free/app:1")
        for name in ("signed/app:1", "both/app:1", "free/app:1"):
            with self.subTest(name=name):
                self.site.pull(name)

    def test_I34_all_else_is_refused_with_scope_and_rule(self):
        self.push("signed/none:1")
        self.push("signed/wrong:1", "other")
        self.push("signed/moved:1", "site", "signed/app:1")
        self.push("signed/tagless:1", "site", "signed/tagless")
        self.push("signed/foreign:1", "site", payload_digest=f"sha256:{'a' * 64}")
        self.push("signed/tampered:1", "site", tamper=lambda payload: payload.replace(b"null", b"{}  "))
        self.push("signed/forged:1", "site", "signed/else:1", tamper=lambda payload: payload.replace(b"else", b"forged"))
        self.push("else/app:1")
        scope = f"(scope {self.site.registry}/signed: sigstoreSigned) does not let it in"
        by_key = f"{scope}: it has no signature by the key of that rule"
        for name, words in (("signed/none:1", f"{scope}: it has no signature"), ("signed/wrong:1", by_key),
                            ("signed/moved:1", f"{scope}: its signature is for the name {self.site.registry}/signed/app:1"),
                            ("signed/tagless:1", f"{self.site.registry}/signed/tagless, without a tag"),
                            ("signed/foreign:1", f"{scope}: its signature is of other content, sha256:{'a' * 64}"),
                            ("signed/tampered:1", by_key), ("signed/forged:1", by_key),
                            ("else/app:1", "(the default: reject) does not let it in")):
            with self.subTest(name=name):
                self.refused(name, words)

    def test_an_image_is_pulled_as_soon_as_it_is_signed(self):
        self.push("signed/later:1")
        self.refused("signed/later:1", "it has no signature")
        self.push("signed/later:1", "site")
        time.sleep(1)  # for 0.6 s a failure is told to all clients of a person
        self.site.pull("signed/later:1")

    def test_content_that_is_here_already_is_no_way_around_a_rule(self):
        self.push("free/copy:1")
        self.push("signed/copy:1")
        self.site.pull("free/copy:1")
        self.refused("signed/copy:1", "it has no signature")
        digest = self.writer.digest("signed/copy", "1")
        self.refused(f"signed/copy@{digest}", "it has no signature")

    def test_what_users_send_is_held_to_its_transport(self):
        done = self.site.run("shifterimg", "load", build.archive("small", f"{self.folder}/small.tar", "oci-archive"), "app:1")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("the site's signature policy (the default: reject) does not let it in", done.stderr)
        os.makedirs(f"{self.folder}/tree/bin")
        subprocess.run(["mksquashfs", f"{self.folder}/tree", f"{self.folder}/app.squashfs", "-quiet", "-no-progress"], check=True,
                       capture_output=True)
        done = self.site.run("shifterimg", "import", f"{self.folder}/app.squashfs", "app:2")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_policy_that_cannot_be_kept_whole_keeps_the_service_from_starting(self):
        for policy, words in (({"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]},
                               "signatures by GPG are not checked by this gateway"),
                              ({"default": [{"type": "sigstoreSigned", "keyPath": f"{SYSCONFDIR}/none.pub"}]},
                               "No such file or directory")):
            with self.subTest(words=words):
                self.put("bad.json", json.dumps(policy))
                with open(f"{self.site.dir}/etc/imagemanager.json") as stream:
                    config = self.put("checked.json", json.dumps({**json.load(stream), "SignaturePolicy": f"{SYSCONFDIR}/bad.json"}))
                done = subprocess.run([self.site.program("shifter-gateway"), "--check-config", config], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertIn("SignaturePolicy: cannot use", done.stderr)
                self.assertIn(words, done.stderr)

    def test_I37_a_policy_that_others_could_write_is_refused(self):
        policy = self.put("open.json", json.dumps({"default": [{"type": "reject"}]}))
        os.chmod(policy, 0o666)
        with open(f"{self.site.dir}/etc/imagemanager.json") as stream:
            config = self.put("checked.json", json.dumps({**json.load(stream), "SignaturePolicy": policy}))
        done = subprocess.run([self.site.program("shifter-gateway"), "--check-config", config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"SignaturePolicy: cannot trust \"{policy}\": everybody can write it", done.stderr)


if __name__ == "__main__":
    unittest.main()

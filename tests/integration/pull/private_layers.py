"""I31: what somebody's login has brought here is given to nobody who cannot show that he may read it himself, in full."""
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from images import oci_layout
from images.derived import derived
from site_fixture import Site

LOGIN = "reader:secret-word"


class Liar(http.server.BaseHTTPRequestHandler):
    """A registry that knows the manifest and the configuration of an image, says yes to each question for a layer, and has none."""
    folder = ""
    small: set[str] = set()

    def answer(self, with_body: bool) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if self.path == "/v2/":
            return self.send(b"{}", "application/json", with_body)
        path = f"{self.folder}/blobs/sha256/{(oci_layout.digest(self.folder) if ':' not in name else name).split(':')[1]}"
        if not os.path.exists(path) or (with_body and f"sha256:{os.path.basename(path)}" not in self.small):
            self.send_error(404)
            return None
        with open(path, "rb") as stream:
            return self.send(stream.read(), oci_layout.MANIFEST if "/manifests/" in self.path else "application/octet-stream", with_body)

    def send(self, body: bytes, media_type: str, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer(True)

    def do_HEAD(self) -> None:
        self.answer(False)

    def log_message(self, *_) -> None:
        pass


class LiarServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_) -> None:
        """Clients that hang up are expected."""


class PrivateLayers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="shifter-private-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        cls.server = LiarServer(("127.0.0.1", 0), Liar)
        cls.addClassCleanup(cls.server.server_close)
        thread = threading.Thread(target=cls.server.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(cls.server.shutdown)
        cls.liar = f"127.0.0.1:{cls.server.server_address[1]}"
        cls.site = Site(registry_login=LOGIN, gateway_config={"LayerCache": {"Size": "64M"}, "AllowedRegistries": [cls.liar],
                                                              "InsecureRegistries": [cls.liar], "Limits": {"Attempts": 1}})
        cls.addClassCleanup(cls.site.close)
        user, password = LOGIN.split(":")
        done = cls.site.run("shifterimg", "--username", user, "login", cls.site.registry, "--password-stdin", input=f"{password}\n")
        assert done.returncode == 0, done.stderr
        # An image of a secret layer, and one with another layer upon it.
        cls.secret = derived("small", f"{cls.folder}/secret", 1, 300_000)
        oci_layout.push(cls.secret, cls.site.registry, "team/secret:1", login=LOGIN)
        cls.id = cls.site.pull("team/secret:1")
        cls.layers = [layer["digest"] for layer in oci_layout.layers(cls.secret)]

    def serve(self, folder):
        """The liar stands for the image in `folder`."""
        Liar.folder = folder
        with open(f"{folder}/blobs/{oci_layout.digest(folder).replace(':', '/')}") as stream:
            Liar.small = {oci_layout.digest(folder), json.load(stream)["config"]["digest"]}

    def upon_the_secret(self, name, seed):
        """Another image with the secret layer as its base: another manifest."""
        folder = f"{self.folder}/{name}"
        shutil.copytree(self.secret, folder)
        with open(f"{folder}/blobs/{oci_layout.digest(folder).replace(':', '/')}") as stream:
            manifest = json.load(stream)
        with open(f"{folder}/blobs/{manifest['config']['digest'].replace(':', '/')}") as stream:
            config = json.load(stream)
        config.setdefault("config", {})["Labels"] = {"seed": str(seed)}
        made = oci_layout.OciLayout(folder)
        manifest["config"] = made.put(oci_layout.CONFIG, config)
        made.finish([made.put(oci_layout.MANIFEST, manifest)])
        return folder

    def refused(self, user, name, words):
        done = self.site.run("shifterimg", "pull", name, user=user)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user=user).returncode, 1)

    def check_that_it_is_still_the_owners(self):
        self.assertEqual(self.site.run("shifterimg", "lookup", self.site.image("team/secret:1")).stdout.strip(), self.id)
        with open(f"{self.site.dir}/images/{self.id}.meta") as stream:
            self.assertIn(f"USERACL: {self.site.users['a'].uid}\n", stream.read())

    def test_I31_the_cache_serves_the_one_who_may_read(self):
        """Without this, the others would prove nothing."""
        oci_layout.push(self.upon_the_secret("own", 2), self.site.registry, "team/own:1", login=LOGIN)
        self.site.pull("team/own:1")
        fetched = {line.split("/")[-1].split()[0] for line in self.site.registry_requests(r"^GET /v2/team/own/blobs/\S+ 20")}
        self.assertFalse(fetched & set(self.layers))

    def test_I31_without_a_login_the_registry_says_no_and_the_cache_gives_nothing(self):
        oci_layout.push(self.upon_the_secret("other", 3), self.site.registry, "team/other:1", login=LOGIN)
        for name in ("team/secret:1", "team/other:1"):
            self.refused("b", self.site.image(name), "401")
        self.check_that_it_is_still_the_owners()

    def test_I31_a_registry_that_says_yes_to_everything_gets_no_private_layer_out_of_the_cache(self):
        self.serve(self.upon_the_secret("lie", 4))
        self.refused("b", f"docker:{self.liar}/evil/app:1", "404")
        self.check_that_it_is_still_the_owners()

    def test_I31_I34_the_manifest_of_a_private_image_opens_it_to_nobody(self):
        self.serve(self.secret)
        self.refused("b", f"docker:{self.liar}/evil/secret:1", "404")
        self.check_that_it_is_still_the_owners()

    def test_I31_I34_an_archive_with_its_manifest_and_other_layers_opens_it_to_nobody(self):
        folder = f"{self.folder}/archive"
        shutil.copytree(self.secret, folder)
        for layer in self.layers:
            path = f"{folder}/blobs/{layer.replace(':', '/')}"
            size = os.path.getsize(path)
            os.truncate(path, 0)
            os.truncate(path, size)
        archive = f"{self.folder}/forged.tar"
        subprocess.run(["tar", "-C", folder, "-cf", archive, "."], check=True)
        os.chmod(archive, 0o644)
        done = self.site.run("shifterimg", "load", archive, "forged:1", user="b")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.check_that_it_is_still_the_owners()

    def test_who_brings_every_byte_has_the_content_and_his_own_grant(self):
        archive = f"{self.folder}/whole.tar"
        subprocess.run(["tar", "-C", self.secret, "-cf", archive, "."], check=True)
        os.chmod(archive, 0o644)
        done = self.site.run("shifterimg", "load", archive, "whole:1", user="b")
        self.assertEqual(done.returncode, 0, done.stderr)
        name = f"custom:{self.site.users['b'].name}/whole:1"
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user="b").stdout.strip(), self.id)
        self.assertEqual(self.site.run("shifterimg", "rm", name, user="b").returncode, 0)


if __name__ == "__main__":
    unittest.main()

"""Writes to a registry what no image tool writes as the tests want it: variants of an image, and signatures of chosen bytes."""
import base64
import hashlib
import json
import subprocess
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"


class RegistryWriter:
    def __init__(self, registry: str):
        self.registry = registry

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str):
        wanted = urllib.request.Request(f"http://{self.registry}{path}" if path.startswith("/") else path, data=body, method=method,
                                        headers={name.replace("_", "-"): value for name, value in headers.items()})
        return urllib.request.urlopen(wanted)

    def put_blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        place = self.request("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        self.request("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content, Content_Type="application/octet-stream")
        return digest

    def put_manifest(self, repository: str, tag: str, manifest: dict) -> str:
        body = json.dumps(manifest).encode()
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", body, Content_Type=MANIFEST)
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def variant(self, repository: str, tag: str, of: str, labels: dict) -> str:
        """The image `of` in the same repository, with labels of its own: other content by its digest, with the same files."""
        manifest = json.load(self.request("GET", f"/v2/{repository}/manifests/{of}", Accept=MANIFEST))
        config = json.load(self.request("GET", f"/v2/{repository}/blobs/{manifest['config']['digest']}"))
        config.setdefault("config", {})["Labels"] = labels
        body = json.dumps(config).encode()
        manifest["config"] = {"mediaType": CONFIG, "size": len(body), "digest": self.put_blob(repository, body)}
        return self.put_manifest(repository, tag, manifest)

    def digest(self, repository: str, tag: str) -> str:
        """Of the manifest, or of the index, that a tag names."""
        types = f"{MANIFEST}, application/vnd.oci.image.index.v1+json"
        return self.request("GET", f"/v2/{repository}/manifests/{tag}", Accept=types).headers["Docker-Content-Digest"]

    def sign(self, repository: str, digest: str, key: str, name: str, *, payload_digest: str = "", tamper=None) -> None:
        """
        What "cosign sign --key" puts beside an image: a payload as a layer, its signature as an annotation.

        @param name            the docker-reference that is signed
        @param payload_digest  the docker-manifest-digest that is signed; else `digest`
        @param tamper          changes the payload after it was signed
        """
        payload = json.dumps({"critical": {"identity": {"docker-reference": name},
                                           "image": {"docker-manifest-digest": payload_digest or digest},
                                           "type": "cosign container image signature"}, "optional": None}).encode()
        made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=payload, check=True, capture_output=True).stdout
        payload = tamper(payload) if tamper else payload
        self.put_manifest(repository, f"{digest.replace(':', '-')}.sig", {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": 2, "digest": self.put_blob(repository, b"{}")},
            "layers": [{"mediaType": PAYLOAD, "size": len(payload), "digest": self.put_blob(repository, payload),
                        "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(made).decode()}}]})

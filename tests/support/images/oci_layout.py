"""An image as an OCI layout on disk (OCI Image Specification v1.1, "Image Layout"), and its way into a registry."""
import hashlib
import json
import os
import shutil
import subprocess

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = {"gzip": "application/vnd.oci.image.layer.v1.tar+gzip", "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
         "plain": "application/vnd.oci.image.layer.v1.tar"}


class OciLayout:
    """A layout in `folder`: blobs come in, then index.json names the image with the tag "latest"."""

    def __init__(self, folder: str):
        self.folder = folder
        os.makedirs(f"{folder}/blobs/sha256", exist_ok=True)
        with open(f"{folder}/oci-layout", "w") as out:
            out.write('{"imageLayoutVersion":"1.0.0"}')

    def put(self, media_type: str, document: dict) -> dict:
        """A JSON document as a blob; its descriptor."""
        data = json.dumps(document, sort_keys=True).encode()
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.folder}/blobs/sha256/{digest}", "wb") as out:
            out.write(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def put_layer(self, layer: dict) -> dict:
        """Moves a layer as LayerTar.close() returned it to the blobs; its descriptor."""
        os.replace(layer["path"], f"{self.folder}/blobs/sha256/{layer['digest'].split(':')[1]}")
        return {"mediaType": LAYER[layer["compression"]], "digest": layer["digest"], "size": layer["size"]}

    def manifest(self, layers: list[dict], config: dict, platform: dict) -> dict:
        """The manifest and config of `layers` (from LayerTar.close()); the manifest's descriptor, with its platform."""
        descriptors = [self.put_layer(layer) for layer in layers]
        document = {"created": "2024-01-01T00:00:00Z", **platform, "config": config,
                    "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
                    "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {number}"}
                                for number in range(len(layers))]}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.put(CONFIG, document), "layers": descriptors}
        return {**self.put(MANIFEST, manifest), "platform": platform}

    def finish(self, manifests: list[dict]) -> None:
        """Writes index.json: one manifest stands for itself, several become an image index below it."""
        top = manifests[0]
        if len(manifests) > 1:
            top = self.put(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        top = {**top, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        with open(f"{self.folder}/index.json", "w") as out:
            json.dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}, out)


def digest(folder: str) -> str:
    """The digest of the image (manifest or index) that a layout holds."""
    with open(f"{folder}/index.json") as stream:
        return json.load(stream)["manifests"][0]["digest"]


def layers(folder: str) -> list[dict]:
    """The layer descriptors of the layout's first manifest."""
    def blob(of: str) -> dict:
        with open(f"{folder}/blobs/sha256/{of.split(':')[1]}") as stream:
            return json.load(stream)
    top = blob(digest(folder))
    return (top if "layers" in top else blob(top["manifests"][0]["digest"]))["layers"]


def push(folder: str, registry: str, name: str, *, docker_schema2: bool = False, login: str = "") -> None:
    """Copies the layout to `registry` (host:port, plain http) as `name` (repository:tag), all platforms.

    @param login  "user:password" for a registry that wants it."""
    command = [shutil.which("skopeo") or "skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false"]
    command += ["--format", "v2s2"] if docker_schema2 else ["--preserve-digests"]
    command += ["--dest-creds", login] if login else []
    result = subprocess.run([*command, f"oci:{folder}:latest", f"docker://{registry}/{name}"], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"cannot push {name} to {registry}: {result.stderr.strip()}")

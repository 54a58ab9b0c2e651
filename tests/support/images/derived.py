"""An image of tests/support/images with one more layer at its top, or that layer alone, as an OCI layout."""
import json
import random
import shutil

from . import build, oci_layout
from .layer_tar import Entry, LayerTar


def derived(image: str, folder: str, seed: int, size: int, whiteouts: tuple[bytes, ...] = (), alone: bool = False) -> str:
    """The layout, in `folder`, which does not exist: the layer has a file of `size` random bytes, and the whiteouts."""
    shutil.copytree(build.image(image), folder)

    def blob(digest: str) -> dict:
        with open(f"{folder}/blobs/sha256/{digest.split(':')[1]}") as stream:
            return json.load(stream)
    manifest = blob(oci_layout.digest(folder))
    config = blob(manifest["config"]["digest"])
    tar = LayerTar(f"{folder}/layer")
    body = random.Random(seed).randbytes(size)
    tar.add(Entry(b"added", size=len(body)), body)
    for name in whiteouts:
        tar.add(Entry(name), b"")
    layer = tar.close()
    made = oci_layout.OciLayout(folder)
    if alone:
        manifest["layers"], config["rootfs"]["diff_ids"] = [], []
    manifest["layers"].append(made.put_layer(layer))
    config["rootfs"]["diff_ids"].append(layer["diff_id"])
    config.pop("history", None)
    manifest["config"] = made.put(manifest["config"]["mediaType"], config)
    made.finish([made.put(oci_layout.MANIFEST, manifest)])
    return folder

"""A way into a registry without a program: for tests that push a hundred images. Not part of oci_layout, since what stands there
decides whether images that were built before are still good."""
import http.client
import os

from . import oci_layout


def put(folder: str, registry: str, repository: str, tag: str) -> None:
    """Copies a layout of one manifest to `registry` (host:port, plain http) as `repository`:`tag`."""
    connection = http.client.HTTPConnection(registry, timeout=60)

    def ask(method: str, target: str, body: bytes, media_type: str, wanted: int) -> str:
        connection.request(method, target, body, {"Content-Type": media_type})
        answer = connection.getresponse()
        answer.read()
        if answer.status != wanted:
            raise RuntimeError(f"cannot push {repository}:{tag} to {registry}: {method} {target} answered {answer.status}")
        return answer.headers.get("Location", "")

    top = oci_layout.digest(folder)
    blobs = sorted(f"sha256:{name}" for name in os.listdir(f"{folder}/blobs/sha256"))
    for name in [blob for blob in blobs if blob != top] + [top]:
        with open(f"{folder}/blobs/{name.replace(':', '/')}", "rb") as stream:
            body = stream.read()
        if name == top:
            ask("PUT", f"/v2/{repository}/manifests/{tag}", body, oci_layout.MANIFEST, 201)
            continue
        place = ask("POST", f"/v2/{repository}/blobs/uploads/", b"", "application/octet-stream", 202)
        place = place.split(registry, 1)[-1]  # absolute, or a path
        ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={name}", body, "application/octet-stream", 201)
    connection.close()

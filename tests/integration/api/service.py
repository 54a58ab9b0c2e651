"""The gateway as programs see it: routes in every spelling, the schema and what is really answered, metrics, log, status page.

--npm: GET /api/schema is also given to a validator of the npm registry, which needs node, npm and the network.
"""
import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import jsonschema
from images import oci_layout
from gateway_requests import ask, log_lines, samples
from site_fixture import PREFIX, Site


NPM_VALIDATOR = "@seriousme/openapi-schema-validator@2.11.0"


def as_json_schema(schema):
    """OpenAPI 3.0 says "nullable" where JSON Schema has a further type."""
    if isinstance(schema, list):
        return [as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: as_json_schema(value) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") is True:
        made["type"] = [made["type"], "null"]
    return made


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={"Metrics": True})
        cls.addClassCleanup(cls.site.close)
        cls.layout = cls.site.push("small", "org/small:1")
        cls.tag = f"{cls.site.registry}/org/small:1"
        cls.id = cls.site.pull("org/small:1")

    def test_every_spelling_of_a_path_means_the_same(self):
        whole = urllib.parse.quote(self.tag, safe="")
        for path in (self.tag, self.tag + "/", whole, whole + "/", whole.lower(), self.tag.replace(":", "%3A"),
                     self.tag.replace("/", "%2f") + "/"):
            with self.subTest(path=path):
                answer = ask(self.site, f"/api/lookup/tests/docker/{path}")
                self.assertEqual((answer.status, answer.json["id"]), (200, self.id))
                self.assertEqual(answer.headers["content-type"], "application/json")
                self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
        self.assertEqual(ask(self.site, f"/api/lookup/tests/id/{self.id}").json["id"], self.id)
        for path in ("/api/list/tests", "/api/list/tests/", "/api/queue/tests/", "/api/queue/tests"):
            self.assertEqual(ask(self.site, path).status, 200, path)

    def test_I32_each_route_but_the_open_ones_wants_a_credential(self):
        for method, path, _ in self.routes(open_ones=False):
            for header in (None, "", "MUNGE:AwQD:", "x" * 1000):
                answer = ask(self.site, path, method=method, user="", header=header)
                self.assertEqual((answer.status, answer.json["status"]), (401, 401), (method, path, header))
        self.assertEqual(ask(self.site, "/api/queue/tests").json, {"list": []})

    def test_errors_are_json_with_the_reason(self):
        for path, status, reason in (
                ("/api/lookup/tests/docker/no/such:1", 404, "there is no such image, or you may not use it"),
                ("/api/lookup/other/docker/no/such:1", 404, 'this gateway does not serve a system "other"'),
                ("/api/lookup/tests/docker/a%zz", 400, "cannot read the path: tag: a % is not followed by two hexadecimal digits"),
                ("/api/pull/tests/docker/a:1", 405, "this path does not take that method"),
                ("/nowhere", 404, "there is no such route; GET / lists them")):
            answer = ask(self.site, path)
            self.assertEqual((answer.status, answer.json["status"], answer.json["error"]), (status, status, reason))
            self.assertEqual(answer.headers["content-type"], "application/json")

    def test_R9_I33_what_another_process_writes_counts_for_the_very_next_lookup(self):
        def lookup():
            return ask(self.site, f"/api/lookup/tests/docker/{self.tag}").status

        with contextlib.closing(sqlite3.connect(f"{self.site.dir}/gateway/catalog.sqlite", timeout=30)) as catalog:
            def write(*statements):
                with catalog:
                    for statement in statements:
                        catalog.execute(statement)

            for _ in range(3):  # each time after lookups of what was before
                self.assertEqual([lookup() for _ in range(8)], [200] * 8)
                write("UPDATE images SET is_private = 1", "UPDATE tags SET is_private = 1")
                self.assertEqual([lookup() for _ in range(8)], [404] * 8)
                write("UPDATE images SET is_private = 0", "UPDATE tags SET is_private = 0")
                self.assertEqual(lookup(), 200)
                write("UPDATE tags SET tag = tag || '.away'")
                self.assertEqual(lookup(), 404)
                write("UPDATE tags SET tag = replace(tag, '.away', '')")

    # The schema.

    def schema(self):
        return ask(self.site, "/api/schema", user="").json

    def routes(self, open_ones: bool | None = None):
        """(method, a path of it, operation) of each operation of the schema."""
        schema = self.schema()
        for pattern, methods in schema["paths"].items():
            for method, operation in methods.items():
                is_open = operation.get("security") == []
                if open_ones is None or open_ones == is_open:
                    path = pattern.format(system="tests", type="docker", tag=self.tag, file="status.js", upload="0",
                                          offset="0", location="default", pull="1")
                    yield method.upper(), path, operation

    def test_what_is_answered_is_what_the_schema_says(self):
        document = as_json_schema(self.schema())
        checked = 0
        for method, path, operation in self.routes():
            if "expire" in path or method == "POST" and "pull" not in path:
                continue  # they would take the image away, or bring another
            for user, name in (("root", "200"), ("a", "200"), ("", "default")):
                answer = ask(self.site, path, method=method, user=user)
                name = "200" if answer.status == 200 else "default"
                content = operation["responses"][name]["content"]
                sent = answer.headers["content-type"].partition(";")[0]
                self.assertTrue(sent in content or "*/*" in content, (path, sent))
                if sent == "application/json":
                    schema = as_json_schema(content[sent]["schema"])
                    jsonschema.validate(answer.json, {**schema, "components": document["components"]})
                    checked += 1
        self.assertGreater(checked, 15)

    def test_the_schema_is_a_document_that_a_strict_reader_takes(self):
        schema = self.schema()
        self.assertEqual(schema["openapi"], "3.0.3")
        self.assertEqual(set(schema) - {"openapi", "info", "security", "paths", "components"}, set())
        names = [operation["operationId"] for _, _, operation in self.routes()]
        self.assertEqual(len(names), len(set(names)))
        for _, path, operation in self.routes():
            self.assertIn("200", operation["responses"], path)
            self.assertIn("default", operation["responses"], path)

    @unittest.skipUnless("--npm" in sys.argv, "needs the network; --npm asks for it")
    def test_the_schema_is_one_to_a_validator_of_the_npm_registry(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, NPM_VALIDATOR],
                           check=True, timeout=300, capture_output=True)
            for document, is_valid in ((ask(self.site, "/api/schema", user="").body, True), (b'{"openapi":"3.0.3","paths":{}}', False)):
                with open(f"{folder}/openapi.json", "wb") as out:
                    out.write(document)
                done = subprocess.run([f"{folder}/node_modules/.bin/validate-api", f"{folder}/openapi.json"],
                                      timeout=60, check=False, capture_output=True, text=True)
                self.assertEqual((done.returncode == 0), is_valid, done.stdout + done.stderr)

    def test_each_route_of_GET_is_in_the_schema(self):
        text = ask(self.site, "/", user="").body.decode()
        told = {tuple(line.split()) for line in text.splitlines() if line.startswith(("GET ", "POST "))}
        wanted = {(method.upper(), path) for path, methods in self.schema()["paths"].items() for method in methods}
        self.assertEqual({(method, path.replace("...", "")) for method, path in told}, wanted)

    # For who watches the service.

    def test_health_and_metrics_need_no_credential(self):
        self.assertEqual(ask(self.site, "/healthz", user="").json, {"status": "ok"})
        self.assertEqual(ask(self.site, "/readyz/", user="").json, {"status": "ready"})
        time.sleep(1.1)  # answers for everybody are a second old at most
        before = samples(ask(self.site, "/metrics", user="").body.decode())
        ask(self.site, f"/api/lookup/tests/docker/{self.tag}")
        ask(self.site, "/api/lookup/tests/docker/none:1")
        time.sleep(1.1)
        answer = ask(self.site, "/metrics", user="")
        after = samples(answer.body.decode())
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"))
        lookup = 'shifter_requests_total{route="/api/lookup/{system}/{type}/{tag...}",status="%s"}'
        for status in ("200", "404"):
            self.assertEqual(after[lookup % status] - before.get(lookup % status, 0), 1)
        size = sum(layer["size"] for layer in oci_layout.layers(self.layout))
        self.assertGreaterEqual(after["shifter_pulled_bytes_total"], size)
        self.assertGreaterEqual(after['shifter_pulls_ended_total{outcome="ready"}'], 1)
        self.assertGreaterEqual(after["shifter_conversions_total"], 1)
        self.assertEqual(after['shifter_queue_length{system="tests"}'], 0)
        self.assertEqual(after["shifter_catalog_errors_total"], 0)
        self.assertGreater(after['shifter_storage_size_bytes{system="tests"}'], 0)
        self.assertNotIn("small", answer.body.decode())

    def test_one_number_leads_from_the_request_to_the_published_image(self):
        self.site.push("sixty", "org/traced:1")
        image = f"docker:{self.site.registry}/org/traced:1"
        image_id = self.site.pull("org/traced:1")
        digest = "sha256:" + image_id
        asked = [line for line in log_lines(self.site, "audit") if line.get("image") == image and line["route"] == "pull"]
        begun = next(line for line in asked if line["outcome"] == "begun")
        who = self.site.users["a"]
        self.assertEqual((begun["caller"], begun["uid"], begun["system"]), (who.name, str(who.uid), "tests"))
        for event, expected in (("begun", {"caller": who.name}), ("published", {"id": image_id, "system": "tests"})):
            lines = [line for line in log_lines(self.site, event) if line["pull"] == begun["pull"]]
            self.assertEqual(len(lines), 1, event)
            self.assertEqual({name: lines[0][name] for name in expected}, expected)
        given = [line for line in log_lines(self.site, "audit") if line.get("image") == image and line.get("digest")]
        self.assertEqual({(line["route"], line["outcome"], line["digest"], line["uid"]) for line in given},
                         {("pull", "given", digest, str(who.uid)), ("lookup", "given", digest, str(who.uid))})
        absent = ask(self.site, "/api/lookup/tests/docker/none:2", user="b")
        line = next(each for each in log_lines(self.site, "audit") if each["request"] == absent.headers["x-request-id"])
        self.assertEqual((line["outcome"], line["status"], line["caller"], line["image"]),
                         ("absent", "404", self.site.users["b"].name, "docker:none:2"))

    # The status page.

    def test_the_status_page_is_there_for_everybody_and_loads_nothing_from_elsewhere(self):
        for name, kind in (("", "text/html"), ("/status.js", "text/javascript"), ("/status.css", "text/css")):
            answer = ask(self.site, f"/ui{name}", user="")
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, f"{kind}; charset=utf-8"))
            self.assertTrue(answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';"))
            if name:
                with open(f"{PREFIX}/share/shifter/ui{name}", "rb") as file:
                    self.assertEqual(answer.body, file.read())
        for path in ("/ui/..%2f..%2f..%2fetc%2fpasswd", "/ui/../../etc/passwd", "/ui/nothing.js"):
            self.assertEqual(ask(self.site, path, user="").status, 404)

    def test_the_summary_shows_images_of_everybody_and_why_a_pull_failed(self):
        self.assertNotEqual(self.site.run("shifterimg", "pull", self.site.image("org/hidden-name:9")).returncode, 0)
        time.sleep(1.1)
        answer = ask(self.site, "/api/summary", user="")
        system = answer.json["systems"][0]
        self.assertIn(self.tag, [tag for image in system["images"] for tag in image["tags"]])
        self.assertGreaterEqual(len(system["failures"]), 1)
        self.assertNotIn(b"hidden-name", answer.body)
        self.assertGreater(system["storage"]["size_bytes"], 0)


if __name__ == "__main__":
    unittest.main(argv=[word for word in sys.argv if word != "--npm"])

"""Idle, slow, huge, malformed and pipelined clients cost their own connection, and nobody else anything (R16).

Limits are short here, so that their end is seen; each is a key of imagemanager.json.
"""
import os
import re
import socket
import threading
import time
import unittest
import urllib.parse

from gateway_requests import ask, credential
from site_fixture import Site

IDLE = 400  # connections that never say a word
SLOW = 100  # that say one byte a second
LOOKUPS = 60


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={"Limits": {"IdleTimeout": 8, "RequestTimeout": 12, "BodyBytes": "8K", "HttpThreads": 2}})
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.id = cls.site.pull("org/small:1")
        cls.path = f"/api/lookup/tests/docker/{cls.site.registry}/org/small:1"
        parts = urllib.parse.urlsplit(cls.site.gateway_url)
        cls.address = (parts.hostname, parts.port)

    def connect(self) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=30)
        self.addCleanup(connection.close)
        return connection

    def talk(self, request: bytes) -> bytes:
        """All that the gateway says until it hangs up."""
        connection, said = self.connect(), b""
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                said += piece
        except OSError:
            pass  # it may hang up while we still talk
        return said

    def look_up(self) -> float:
        """Seconds of a good lookup, its credential aside."""
        header = credential(self.site)
        begin = time.monotonic()
        answer = ask(self.site, self.path, header=header)
        self.assertEqual((answer.status, answer.json["id"]), (200, self.id))
        return time.monotonic() - begin

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.site.gateway.pid()}/fd"))

    def memory(self) -> int:
        with open(f"/proc/{self.site.gateway.pid()}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) << 10

    def test_lookups_are_answered_while_hundreds_of_clients_say_nothing_or_one_byte_a_second(self):
        before = self.descriptors()
        idle = [self.connect() for _ in range(IDLE)]
        slow = [self.connect() for _ in range(SLOW)]
        stop = threading.Event()

        def trickle() -> None:
            text = b"POST /api/pull/tests/docker/a:1 HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 1000
            for byte in text:
                for connection in slow:
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        pass
                if stop.wait(1):
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            times = sorted(self.look_up() for _ in range(LOOKUPS))
            self.assertLess(times[LOOKUPS // 2], 0.5)
            self.assertLess(times[-1], 5)
            self.assertGreater(self.descriptors(), before + SLOW, "they are still connected")
            # The idle ones are let go after IdleTimeout, the slow ones after RequestTimeout.
            deadline = time.monotonic() + 25
            while self.descriptors() > before + 5 and time.monotonic() < deadline:
                time.sleep(0.2)
            self.assertLessEqual(self.descriptors(), before + 5)
        finally:
            stop.set()
            trickling.join()
        for connection in idle:
            connection.close()
        self.look_up()

    def test_what_is_too_large_is_refused_with_the_limit_in_the_reason(self):
        closing = b"Host: x\r\nConnection: close\r\n\r\n"
        for request, status, reason in (
                (b"GET /" + b"x" * 4200 + b" HTTP/1.1\r\n" + closing, 414, b"longer than 4096 bytes"),
                (b"GET / HTTP/1.1\r\nA: " + b"y" * 25000 + b"\r\n" + closing, 431, b"more than 24576 bytes"),
                (b"POST / HTTP/1.1\r\nContent-Length: 8193\r\n" + closing, 413, b"more than 8192 bytes"),
                (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" + closing, 413, b""),
                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + closing + b"4000\r\n" + b"z" * 0x4000 + b"\r\n0\r\n\r\n", 413,
                 b"more than 8192 bytes")):
            said = self.talk(request)
            self.assertIn(reason, said)
            self.assertIn(said[9:12], (str(status).encode(), b"400"), request[:60])
        self.look_up()

    def test_what_is_no_http_ends_its_connection(self):
        before = self.descriptors()
        for request in (b"\0" * 100 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00" + os.urandom(512), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello",
                        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\nConnection: close\r\n\r\n"):
            connection = self.connect()
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            said = b""
            try:
                while piece := connection.recv(65536):
                    said += piece
            except OSError:
                pass
            self.assertTrue(said == b"" or said[9:10] in (b"4", b"5"), (request[:40], said[:100]))
        self.assertLessEqual(self.descriptors(), before + 2)
        self.look_up()

    def test_requests_that_are_sent_ahead_are_answered_in_order_and_cost_no_memory(self):
        many = 2000
        connection = self.connect()
        sending = threading.Thread(target=lambda: connection.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * many + b"GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        before = self.memory()
        sending.start()
        said = b""
        while piece := connection.recv(65536):
            said += piece
        sending.join()
        self.assertEqual(said.count(b"HTTP/1.1 200"), many + 1)
        self.assertTrue(said.endswith(b'{"status":"up"}'))
        self.assertLess(self.memory() - before, 8 << 20)
        # One who sends and never reads waits in his own socket.
        deaf = self.connect()
        deaf.settimeout(1)
        try:
            for _ in range(200):
                deaf.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        except OSError:
            pass
        self.assertLess(self.memory() - before, 32 << 20)
        self.look_up()

    def test_I32_a_credential_is_good_once(self):
        header = credential(self.site)
        self.assertEqual(ask(self.site, self.path, header=header).status, 200)
        again = ask(self.site, self.path, header=header)
        self.assertEqual(again.status, 401)
        self.assertEqual(again.json["error"], "the MUNGE credential was used before; each request needs a fresh one")

    def test_what_everybody_may_ask_for_is_made_once_a_second(self):
        begin = time.monotonic()
        bodies = [ask(self.site, "/metrics", user="").body for _ in range(100)]
        self.assertLessEqual(len(set(bodies)), 3 + int(time.monotonic() - begin))


if __name__ == "__main__":
    unittest.main()

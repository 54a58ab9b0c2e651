"""Several gateways of one site: one PostgreSQL, one image directory, each gateway with an address, a name and a cache of its
own. They can be killed, stopped and continued one by one.

    with Gateways(3) as gateways:            # a Site without a gateway, a registry, a server, three gateways
        gateways.site.push(…)
        gateways[0].kill(); gateways[0].start()
"""
import json
import os
import pwd
import shutil
import signal
import urllib.request
from contextlib import ExitStack

from images import synthetic
from images.oci_layout import OciLayout
from postgres_server import PostgresServer
from services import Service, free_port, http_status, start_registry
from site_fixture import GATEWAY_ACCOUNT, Site


class Gateway:
    def __init__(self, site: Site, number: int, role: str, config: dict):
        self.site, self.role = site, role
        self.name = f"gw{number}"
        self.url = f"http://127.0.0.{number + 2}:{free_port()}"
        account = pwd.getpwnam(GATEWAY_ACCOUNT)
        cache = f"{site.dir}/{self.name}"
        os.mkdir(cache, 0o700)
        os.chown(cache, account.pw_uid, account.pw_gid)
        self.config = f"{site.dir}/etc/{self.name}.json"
        with open(self.config, "w") as out:
            json.dump({**config, "Listen": self.url.removeprefix("http://"), "WorkerName": self.name, "CacheDirectory": cache}, out)
        self.service = Service(site.dir, self.name)

    def start(self, wait: bool = True) -> None:
        self.service = Service(self.site.dir, self.name)
        ready = f"{self.site.dir}/{self.name}/ready"
        if os.path.exists(ready):
            os.unlink(ready)
        self.service.start([self.site.program("shifter-gateway"), "--config", self.config, f"--role={self.role}", "--port-file",
                            ready], account=GATEWAY_ACCOUNT, dies_with_us=True)
        if wait:
            self.service.wait_for(lambda: os.path.exists(ready))

    def kill(self) -> None:
        self.service.stop(signal.SIGKILL)

    def pause(self) -> None:
        self.service.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.service.send(signal.SIGCONT)

    def status(self, path: str) -> int:
        return http_status(self.url + path)

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and not line.startswith("#"))

    def log(self) -> str:
        with open(self.service.log, errors="replace") as stream:
            return stream.read()


class Gateways:
    """@param roles  one for each gateway; `config`: more keys of imagemanager.json; `site`: one without a gateway, which stays"""

    def __init__(self, roles: list[str], config: dict | None = None, registry_login: str = "", site: Site | None = None):
        self._undo = ExitStack()
        try:
            self.site = site or Site(gateway=False)
            if site is None:
                self._undo.callback(self.site.close)
            registry, self.site.registry = start_registry(self.site.dir, registry_login, dies_with_us=True)
            self.site.registry_service, self.site.registry_login = registry, registry_login
            self._undo.callback(registry.stop)
            self.postgres = PostgresServer(self.site.dir, GATEWAY_ACCOUNT)
            self._undo.callback(self.postgres.remove)
            self.site.write_gateway_config({})
            with open(f"{self.site.dir}/etc/imagemanager.json") as stream:
                self._config = {**json.load(stream), "Database": self.postgres.address(), "Limits": {"PullLease": 4},
                                "Metrics": True, **(config or {})}
            self.all = [self.prepare(number, role) for number, role in enumerate(roles)]
            for gateway in self.all:
                self._undo.callback(gateway.kill)
                gateway.start()
            answering = [gateway.url for gateway in self.all if gateway.role != "worker"]
            self.site.write_config(f"imageGateway={' '.join(answering)}\ngatewayTimeout=5\n")
        except BaseException:
            self._undo.close()
            raise

    def close(self) -> None:
        self._undo.close()

    def prepare(self, number: int, role: str) -> Gateway:
        """One more, with a configuration and a cache of its own, that was not started."""
        return Gateway(self.site, number, role, self._config)

    def __getitem__(self, number: int) -> Gateway:
        return self.all[number]

    def push_noise(self, name: str, seed: int, size_bytes: int) -> None:
        """An image of random bytes, whose conversion takes a moment; the same seed is the same content."""
        work = f"{self.site.dir}/noise"
        os.makedirs(work)
        layout, layers = OciLayout(f"{work}/layout"), synthetic.Layers(work)
        noise = synthetic.random.Random(seed)
        for number in range(2):
            layers.layer(synthetic.folder(b"data"),
                         (synthetic.Entry(b"data/%d" % number, synthetic.REGULAR, 0o644), noise.randbytes(size_bytes // 2)))
        layout.finish([layout.manifest(layers.made, synthetic.CONFIG, synthetic.AMD64)])
        from images import oci_layout
        oci_layout.push(f"{work}/layout", self.site.registry, name, login=self.site.registry_login)
        shutil.rmtree(work)

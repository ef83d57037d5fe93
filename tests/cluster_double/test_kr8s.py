"""The client library that loadlab uses, against the double."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import kr8s.asyncio
import pytest
from ports import reserve_ports

from cluster_double import Cluster, write_kubeconfig
from cluster_double.tools import job

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))[::-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args): print("asked", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def with_api(cluster: Cluster, tmp_path: Path, work: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        api = await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig(tmp_path / "kubeconfig", "load")))
        await work(api)

    asyncio.run(main())


def start_server(cluster: Cluster, port: int) -> None:
    container = {
        "command": ["python", "-c", SERVER, str(port)],
        "readinessProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1},
        "ports": [{"name": "web", "containerPort": port}],
    }
    cluster.create("Job", job("server", "", container=container), "load")


@asynccontextmanager
async def forwarded(api: Any, port: int) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """The ready pod, and a client of its port."""
    async with asyncio.timeout(90):
        while True:
            pods = [pod async for pod in api.get("pods", label_selector={"app": "server"})]
            if pods and await pods[0].ready():
                break
            await asyncio.sleep(0.05)
    async with (
        pods[0].portforward(port, local_port=reserve_ports(1)[0]) as local,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{local}", timeout=60) as client,
    ):
        yield pods[0], client


def test_bytes_through_a_forwarded_port(cluster: Cluster, tmp_path: Path, free_port: int) -> None:
    start_server(cluster, free_port)

    async def work(api: Any) -> None:
        async with forwarded(api, free_port) as (_, client):
            for size in (1, 125, 126, 70_000, 2_000_000):
                data = bytes(range(256)) * (size // 256 + 1)
                assert (await client.post("/", content=data[:size])).content == data[:size][::-1]
            many = await asyncio.gather(*(client.post("/", content=b"ab") for _ in range(20)))
            assert {answer.content for answer in many} == {b"ba"}

    with_api(cluster, tmp_path, work)


def test_a_dropped_forward_can_be_opened_again(cluster: Cluster, tmp_path: Path, free_port: int) -> None:
    start_server(cluster, free_port)

    async def work(api: Any) -> None:
        async with forwarded(api, free_port) as (_, client):
            await client.post("/", content=b"ab")
            assert cluster.drop_port_forwards() == 1
            with pytest.raises(httpx.HTTPError):
                await client.post("/", content=b"ab")
            assert (await client.post("/", content=b"ab")).content == b"ba"
            cluster.drop_port_forwards(refuse_s=0.3)
            with pytest.raises(httpx.HTTPError):
                await client.post("/", content=b"ab")
            assert (await client.post("/", content=b"ab")).content == b"ba", "it knocks again until it is let in"

    with_api(cluster, tmp_path, work)


def test_two_clusters_in_one_kubeconfig(cluster: Cluster, tmp_path: Path) -> None:
    async def names(path: Path, context: str) -> list[str]:
        api = await kr8s.asyncio.api(kubeconfig=str(path), context=context)
        return [obj.name async for obj in api.get("configmaps")]

    with Cluster("load") as second:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"eu": cluster, "us": second}, "load")
        cluster.create("ConfigMap", {"metadata": {"name": "here"}}, "load")
        second.create("ConfigMap", {"metadata": {"name": "there"}}, "load")
        assert asyncio.run(names(path, "eu")) == ["here"]
        assert asyncio.run(names(path, "us")) == ["there"]


def test_a_port_that_nobody_listens_on(cluster: Cluster, tmp_path: Path, free_port: int, second_free_port: int) -> None:
    start_server(cluster, free_port)

    async def work(api: Any) -> None:
        async with (
            forwarded(api, free_port) as (pod, _),
            pod.portforward(second_free_port, local_port=reserve_ports(1)[0]) as local,
        ):
            reader, _ = await asyncio.open_connection("127.0.0.1", local)
            assert await reader.read() == b""

    with_api(cluster, tmp_path, work)


def test_a_watch_sees_changes_until_it_is_dropped(cluster: Cluster, tmp_path: Path) -> None:
    async def work(api: Any) -> None:
        seen: list[tuple[str, str]] = []

        async def watch() -> None:
            async for event, obj in api.watch("configmaps"):
                seen.append((event, obj.name))

        async def until_seen(count: int) -> None:
            while len(seen) < count:
                await asyncio.sleep(0.02)

        cluster.create("ConfigMap", {"metadata": {"name": "zero"}}, "load")
        watching = asyncio.create_task(watch())
        await asyncio.wait_for(until_seen(1), 90)
        cluster.create("ConfigMap", {"metadata": {"name": "one"}}, "load")
        cluster.create("ConfigMap", {"metadata": {"name": "elsewhere"}}, "other")
        cluster.delete("ConfigMap", "load", "one")
        await asyncio.wait_for(until_seen(3), 90)
        assert seen == [("ADDED", "zero"), ("ADDED", "one"), ("DELETED", "one")]
        cluster.drop_watches()
        with pytest.raises((httpx.HTTPError, kr8s.ServerError)):
            await asyncio.wait_for(watching, 90)

    with_api(cluster, tmp_path, work)


def test_logs_are_followed_to_the_end(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create("Job", job("talk", "for i in 1 2 3; do echo $i; sleep 0.2; done"), "load")

    async def work(api: Any) -> None:
        cluster.until(lambda: [p for p in cluster.objects("Pod", "load") if p["status"]["phase"] != "Pending"])
        [pod] = [pod async for pod in api.get("pods")]
        assert [line async for line in pod.logs(follow=True)] == ["1", "2", "3"]

    with_api(cluster, tmp_path, work)


def test_a_refusal_has_the_servers_words(cluster: Cluster, tmp_path: Path) -> None:
    cluster.rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]

    async def work(api: Any) -> None:
        with pytest.raises(
            kr8s.ServerError, match='cannot list resource "pods" in API group "" in the namespace "load"'
        ):
            [pod async for pod in api.get("pods")]
        assert [obj async for obj in api.get("configmaps")] == []

    with_api(cluster, tmp_path, work)

"""Made-up lines of Zeek, Suricata and Pi-hole's database, for ``benchmarks.decode``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

START = 1_795_312_249


def _host(r: random.Random) -> str:
    rank = min(int(r.paretovariate(0.7)), 45_000)
    return f"www.site{rank}.example{rank % 50}.com"


def _client(r: random.Random) -> str:
    return f"10.1.{r.randrange(4)}.{r.randrange(200)}"


def _server(r: random.Random) -> str:
    return f"203.0.{r.randrange(20)}.{r.randrange(200)}"


def zeek_http(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 50
        yield (
            f"{now:.6f}\tC{r.randrange(10**15):x}\t{_client(r)}\t{r.randrange(1024, 65_000)}\t{_server(r)}\t"
            f"80\t1\tGET\t{_host(r)}\t/a/{r.randrange(10**6)}?q={r.randrange(99)}\t-\t1.1\tMozilla/5.0 (X11; Linux x86_64)\t-\t0\t"  # noqa: E501 - one line of a log
            f"{r.randrange(10**6)}\t200\tOK\t-\t-\t(empty)\t-\t-\t-\t-\t-\t-\tF{r.randrange(10**9):x}\t-\ttext/html"
        )


def zeek_dns(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 50
        yield (
            f"{now:.6f}\tC{r.randrange(10**15):x}\t{_client(r)}\t{r.randrange(1024, 65_000)}\t10.1.0.1\t53\tudp\t"
            f"{r.randrange(65_000)}\t0.{r.randrange(10**6):06d}\t{_host(r)}\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tF\tF\tT\tT\t0\t"
            f"{_server(r)},{_server(r)}\t60.000000,60.000000\tF\t0\tquery"
        )


def suricata_eve(r: random.Random) -> Iterator[str]:
    second = 0.0
    while True:
        second = (second + r.random() / 50) % 60
        head = (
            f'{{"timestamp":"2026-11-22T02:04:{second:09.6f}+0000","flow_id":{r.randrange(10**15)},"in_iface":"eth0",'
        )
        ends = (
            f'"src_ip":"{_client(r)}","src_port":{r.randrange(1024, 65_000)},"dest_ip":"{_server(r)}","dest_port":80,'
            '"proto":"TCP","tx_id":0,'
        )
        if r.random() < 0.5:
            yield (
                f'{head}"event_type":"http",{ends}"http":{{"hostname":"{_host(r)}","url":"/a/{r.randrange(10**6)}",'
                '"http_user_agent":"Mozilla/5.0 (X11; Linux x86_64)","http_content_type":"text/html",'
                f'"http_method":"GET","protocol":"HTTP/1.1","status":200,"length":{r.randrange(10**6)}}}}}'
            )
        else:
            yield f'{head}"event_type":"tls",{ends}"tls":{{"sni":"{_host(r)}","version":"TLS 1.3"}}}}'


def pihole_ftl(r: random.Random) -> Iterator[str]:
    now, number = float(START), 0
    while True:
        now, number = now + r.random() / 50, number + 1
        yield (
            f'{{"id": {number}, "timestamp": {now:.6f}, "type": {r.choice((1, 2, 16))}, "status": 2, '
            f'"domain": "{_host(r)}", "client": "{_client(r)}", "forward": null, "additional_info": null, '
            f'"reply_type": 4, "reply_time": 0.{r.randrange(10**6):06d}, "list_id": null}}'
        )


MAKERS: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "zeek_http": zeek_http,
    "zeek_dns": zeek_dns,
    "suricata_eve": suricata_eve,
    "pihole_ftl": pihole_ftl,
}

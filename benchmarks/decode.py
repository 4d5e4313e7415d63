"""How many lines a second each decoder reads on one core, and how long a live batch takes.

    .venv/bin/python -m benchmarks.decode [--lines 400000] [FORMAT ...]

Lines are made up from a fixed seed: 45,000 hosts and 800 devices, Zipf-distributed; a tenth of squid's users have
blanks, one line in 500 needs the exact path.  ``hostile`` puts one odd byte into every twentieth line.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from zoneinfo import ZoneInfo

from filterwatch.decoders import Decoder, make
from filterwatch.lines import Checkpoint, LineBatch

CHUNK_BYTES = 4 * 2**20
READ_AT = datetime(2026, 11, 23, tzinfo=UTC)
START = 1_795_312_249
USERS = ("-", "-", "-", "y4.sam", "SCHOOL\\\\jsmith", "k.o'neil@school.test", "jdoe", "t.brown", "y9.ali", "Jane Doe")
BLOCKS = ("gravity blocked", "regex denied", "config", "/etc/pihole/custom.list")
_QUOTED = '","'
GOALS = {"squid": 1_000_000, "dnsmasq": 1_500_000, "dnsmasq_extra": 1_500_000, "netfilter": 300_000}


def _host(r: random.Random) -> str:
    rank = min(int(r.paretovariate(0.7)), 45_000)
    return f"www.site{rank}.example{rank % 50}.com"


def squid(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 50
        host, client, peer = _host(r), f"10.1.{r.randrange(4)}.{r.randrange(200)}", r.randrange(1, 250)
        if r.random() < 0.6:
            request = f"CONNECT {host}:443"
        else:
            request = f"GET http://{host}/articles/{r.randrange(10**6)}/index.html?page={r.randrange(10**4)}"
            request += "&by=@me" if r.random() < 0.03 else ""
        if r.random() < 0.002:
            request = "GET ftp://ftp.example.com/pub/file"
        result = r.choice(("TCP_TUNNEL/200", "TCP_MISS/200", "TCP_HIT/304", "TCP_DENIED/407", "TCP_DENIED/403"))
        hierarchy = f"HIER_DIRECT/{peer}.0.{hash(host) % 200}.7" if r.random() < 0.8 else "HIER_NONE/-"
        yield (
            f"{now:.3f} {r.randrange(20_000):6d} {client} {result} {r.randrange(200_000)} {request} "
            f"{r.choice(USERS)} {hierarchy} {r.choice(('text/html', 'image/webp', '-'))}"
        )


def squid_mimehdrs(r: random.Random) -> Iterator[str]:
    blocks = (
        r"[Proxy-Authorization: Basic amRvZTpwdw==\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n] "
        r"[HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nVia: 1.1 filter (squid/5.7)\r\n\r\n]"
    )
    return (f"{line} {blocks}" for line in squid(r))


AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
LOGFORMAT = (
    '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt "%{Referer}>h" "%{User-Agent}>h" '
    "%ssl::bump_mode %ssl::>sni %note"
)
OPTIONS = {"squid_custom": {"logformat": LOGFORMAT}}


def squid_custom(r: random.Random) -> Iterator[str]:
    return (f'{line} "https://www.search.example/?q={r.randrange(9999)}" "{AGENT}" bump - -' for line in squid(r))


def _common(r: random.Random, *, headers: bool, result: bool) -> Iterator[str]:
    for line in squid(r):
        when, _, client, verdict, size, method, url, *user, _, _ = line.split()
        code, status = verdict.split("/")
        date = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(float(when)))
        agent = f' "-" "{AGENT}"' if headers else ""
        tail = f" {code}:HIER_DIRECT" if result else ""
        yield f'{client} - {" ".join(user)} [{date}] "{method} {url} HTTP/1.1" {status} {size}{agent}{tail}'


def _dns(r: random.Random, *, extra: bool) -> Iterator[str]:
    now, serial = float(START), 0
    while True:
        now += r.random() / 20
        serial += 1
        client, name = f"10.1.{r.randrange(4)}.{r.randrange(200)}", _host(r)
        head = time.strftime("%b %d %H:%M:%S", time.gmtime(now)) + " dnsmasq[811]: "
        if extra:
            head += f"{serial} {client}/{r.randrange(1024, 65_000)} "
        yield f"{head}query[{r.choice(('A', 'AAAA', 'HTTPS'))}] {name} from {client}"
        if r.random() < 0.2:
            yield f"{head}{r.choice(BLOCKS)} {name} is {r.choice(('0.0.0.0', '::', 'NXDOMAIN'))}"
        else:
            yield f"{head}forwarded {name} to 192.0.2.53"
            yield f"{head}reply {name} is 203.0.{r.randrange(200)}.{r.randrange(200)}"


def netfilter(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 20
        stamp = time.strftime("%b %d %H:%M:%S", time.gmtime(now))
        mac = f"24:8a:07:50:2c:ef:5e:29:c3:7c:13:{r.randrange(16, 256):02x}:08:00"
        addresses = f"SRC=10.1.{r.randrange(4)}.{r.randrange(200)} DST=203.0.{r.randrange(200)}.{r.randrange(200)}"
        yield (
            f"{stamp} gw kernel: [{now % 10**6:12.6f}] [UFW BLOCK] IN=eth0 OUT=eth1 MAC={mac} {addresses} LEN=60 "
            f"TOS=0x00 PREC=0x00 TTL=64 ID={r.randrange(65_000)} DF PROTO=TCP SPT={r.randrange(65_000)} DPT=443 "
            "WINDOW=64240 RES=0x00 SYN URGP=0 "
        )


def bind(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 20
        stamp = time.strftime("%d-%b-%Y %H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
        client, name = f"10.1.{r.randrange(4)}.{r.randrange(200)}#{r.randrange(1024, 65_000)}", _host(r)
        head = f"info: client @0x7f5f24{r.randrange(4096):03x}098 {client} ({name}): "
        kind = r.choice(("A", "AAAA", "HTTPS"))
        yield f"{stamp} queries: {head}query: {name} IN {kind} +E(0)K (10.1.0.1)"
        if r.random() < 0.02:
            yield f"{stamp} rpz: {head}rpz QNAME NXDOMAIN rewrite {name}/{kind}/IN via {name}.rpz.local"


def unbound(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 20
        head = f"[{int(now)}] unbound[811:{r.randrange(4)}] "
        client, asked = (
            f"10.1.{r.randrange(4)}.{r.randrange(200)}",
            f"{_host(r)}. {r.choice(('A', 'AAAA', 'HTTPS'))} IN",
        )
        yield f"{head}query: {client} {asked}"
        if r.random() < 0.05:
            zone = asked.partition(".")[2].partition(" ")[0]
            yield f"{head}info: {zone} always_nxdomain {client}@{r.randrange(1024, 65_000)} {asked}"
        yield f"{head}reply: {client} {asked} {r.choice(('NOERROR', 'NXDOMAIN'))} 0.{r.randrange(10**6):06d} 0 60"


def adguard_querylog(r: random.Random) -> Iterator[str]:
    now = float(START)
    blocked = '{"Rules":[{"Text":"||site.example^","FilterListID":1}],"Reason":3,"IsFiltered":true}'
    while True:
        now += r.random() / 20
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{r.randrange(10**6):06d}789Z"
        client = f"10.1.{r.randrange(4)}.{r.randrange(200)}"
        yield (
            f'{{"T":"{stamp}","QH":"{_host(r)}","QT":"{r.choice(("A", "AAAA", "HTTPS"))}","QC":"IN","CP":"",'
            f'"Upstream":"192.0.2.53:53","Answer":"{r.randrange(10**4):04d}gYAAAQABAAAAAAJhbgZ5YW5kZXgCcnUAAAEAAQ==",'
            f'"IP":"{client}","Result":{blocked if r.random() < 0.1 else "{}"},"Elapsed":{r.randrange(10**8)}}}'
        )


def filter_events(r: random.Random) -> Iterator[str]:
    while True:
        yield f"Nov 22 02:04:41 gw CRON[{r.randrange(9999)}]: pam_unix(cron:session): session opened for user root"
        if r.random() < 0.001:
            yield "Nov 22 02:04:41 gw systemd[1]: Stopped squid.service - Squid Web Proxy Server."


def e2guardian(r: random.Random, layout: int) -> Iterator[str]:
    now = float(START)
    groups = ("pupils year5", "pupils year6", "staff")
    agents = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0",
        "curl/7.88.1",
    )
    while True:
        now += r.random() / 50
        host, client, user = _host(r), f"10.1.{r.randrange(4)}.{r.randrange(200)}", r.choice(USERS).lower()
        secure = r.random() < 0.6
        url = (
            f"https://{host}:443"
            if secure
            else f"http://{host}/articles/{r.randrange(10**6)}?page={r.randrange(10**4)}"
        )
        how, size = "CONNECT" if secure else "GET", r.randrange(1, 200_000)
        what, message, category, code = "-", 0, "-", 200
        if r.random() < 0.05:
            what, message, category, code, size = f"*DENIED* Blocked site: {host}", 500, "Adult", 403, 0
        elif r.random() < 0.1:
            what, message = f"*TRUSTED* Site match: {host}", 602
        group, agent = r.choice(groups), r.choice(agents)
        if layout == 3:
            result = "TCP_DENIED" if code == 403 else "TCP_MISS"
            yield (
                f"{now:.3f} {r.randrange(20_000):6d} {client} {result}/{code} {size} {how} {url} {user} "
                "DEFAULT_PARENT/127.0.0.1 text/html"
            )
        elif layout < 5:
            when = time.strftime("%Y.%m.%d %H:%M:%S", time.gmtime(now))
            columns = [when, user, client, url, what, how, str(size), "0", category, "1", str(code), "text/html"]
            columns += [client, group, agent, "-", "-", "-", "-"]
            yield f'"{_QUOTED.join(columns)}"' if layout == 2 else (" " if layout == 1 else "\t").join(columns)
        else:
            columns = [f"{now:.3f}", "", user, client, client, url, how, str(code), str(size), "text/html", agent, "-"]
            columns += [str(r.randrange(20_000)), "-", str(message), what, "0", category, group, "1"]
            yield "\t".join(columns)


def filterlog(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 20
        stamp = time.strftime("%b %d %H:%M:%S", time.gmtime(now))
        head = f"{stamp} pfSense filterlog[{811}]: {r.randrange(200)},,,1000{r.randrange(200):06d},em0,match,"
        head += r.choice(("block,in,", "pass,out,"))
        ports = f"{r.randrange(1024, 65_000)},{r.choice((443, 53, 80))}"
        if r.random() < 0.2:
            addresses = f"2001:db8:1:{r.randrange(16):x}::{r.randrange(4096):x},2001:db8:2::{r.randrange(4096):x}"
            yield f"{head}6,0x00,0x07c63,64,TCP,6,44,{addresses},{ports},0,S,1927530165,,0,,mss;nop"
        else:
            addresses = f"10.1.{r.randrange(4)}.{r.randrange(200)},203.0.{r.randrange(200)}.{r.randrange(200)}"
            ip = f"4,0x0,,64,{r.randrange(65_000)},0,DF,"
            tcp = f"6,tcp,60,{addresses},{ports},0,S,4062309164,,64240,,mss;sackOK;TS"
            yield f"{head}{ip}{tcp}" if r.random() < 0.7 else f"{head}{ip}17,udp,48,{addresses},{ports},28"


def squidguard(r: random.Random) -> Iterator[str]:
    now = float(START)
    while True:
        now += r.random() / 20
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))
        request = f"{_host(r)}:443" if r.random() < 0.6 else f"http://{_host(r)}/articles/{r.randrange(10**6)}"
        method = "CONNECT" if request.endswith(":443") else "GET"
        client, user = f"10.1.{r.randrange(4)}.{r.randrange(200)}", r.choice(("-", "jdoe", "school%5cjsmith"))
        group = r.choice(("adult", "games"))
        yield f"{stamp} [22688] Request(pupils/{group}/-) {request} {client}/- {user} {method} REDIRECT"


MAKERS: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "squid": squid,
    "squid_mimehdrs": squid_mimehdrs,
    "squid_common": lambda r: _common(r, headers=False, result=True),
    "squid_combined": lambda r: _common(r, headers=True, result=True),
    "squid_custom": squid_custom,
    "apache": lambda r: _common(r, headers=True, result=False),
    "dnsmasq": lambda r: _dns(r, extra=False),
    "dnsmasq_extra": lambda r: _dns(r, extra=True),
    "netfilter": netfilter,
    "filter_events": filter_events,
    "bind": bind,
    "unbound": unbound,
    "adguard_querylog": adguard_querylog,
    **{f"e2guardian_{layout}": partial(e2guardian, layout=layout) for layout in range(1, 6)},
    "filterlog": filterlog,
    "squidguard": squidguard,
}


def batch(data: bytes) -> LineBatch:
    return LineBatch("s", "s", data, 0, len(data), "/log", READ_AT, Checkpoint("s", "s", len(data)))


def chunks(data: bytes) -> list[LineBatch]:
    found, start = [], 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + CHUNK_BYTES) + 1
        found.append(batch(data[start:end]))
        start = end
    return found


def rate(decoder: Decoder, data: bytes, rounds: int = 3) -> tuple[float, float]:
    """Return lines per CPU second (best round) and the share of lines that took the exact path."""
    best, odd, lines = float("inf"), 0, data.count(b"\n")
    for _ in range(rounds):
        batches = chunks(data)
        began, odd = time.process_time(), 0
        for one in batches:
            odd += decoder.decode(one).counts["odd_lines"]
        best = min(best, time.process_time() - began)
    return lines / best, odd / lines


def latency(decoder: Decoder, data: bytes, lines: int) -> float:
    """Return the median of the milliseconds that a live batch of so many lines takes."""
    one = batch(b"".join(line + b"\n" for line in data.split(b"\n", lines)[:lines]))
    decoder.decode(one)
    times = []
    for _ in range(50):
        began = time.perf_counter()
        decoder.decode(batch(one.data))
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", default=list(MAKERS))
    parser.add_argument("--lines", type=int, default=400_000)
    arguments = parser.parse_args()
    heads = ("bytes/line", "lines/CPU s", "goal", "odd", "hostile")
    print(f"{'format':16}" + "".join(f"{head:>12}" for head in heads) + "   ms for 1, 100, 1000 lines")
    for name in arguments.formats:
        lines = [line.encode() for line in islice(MAKERS[name](random.Random(7)), arguments.lines)]
        data = b"\n".join(lines) + b"\n"
        hostile = b"\n".join(line + b"\xff" if n % 20 == 0 else line for n, line in enumerate(lines)) + b"\n"
        decoder = make(name, OPTIONS.get(name, {}), zone=ZoneInfo("Europe/London"))
        speed, odd = rate(decoder, data)
        slow, _ = rate(decoder, hostile, 1)
        live = ", ".join(f"{latency(decoder, data, count):.2f}" for count in (1, 100, 1000))
        shown = (
            f"{len(data) / len(lines):.0f}",
            f"{speed:,.0f}",
            f"{GOALS.get(name, 0):,}",
            f"{odd:.2%}",
            f"{slow:,.0f}",
        )
        print(f"{name:16}" + "".join(f"{figure:>12}" for figure in shown) + f"   {live}")


if __name__ == "__main__":
    main()

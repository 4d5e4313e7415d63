"""Made-up lines of firewalls and cloud filters, for :mod:`benchmarks.formats`.

45,000 hosts, 800 devices with a user each, Zipf-distributed; 100 lines a second; a tenth is blocked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

START = 1_795_166_062
CATEGORIES = ("Education", "Search Engines", "Social Networking", "Games", "Streaming Media", "Gambling", "News", "Ads")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/604.1",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asked for what, and when: what every line is written from."""

    at: float
    client: str
    port: int
    user: str
    host: str
    server: str
    path: str
    category: str
    blocked: bool
    sent: int
    received: int
    agent: str

    def when(self, pattern: str) -> str:
        """Return the second as *pattern* has it, in UTC."""
        return time.strftime(pattern, time.gmtime(self.at))


def visits(r: random.Random) -> Iterator[Visit]:
    now = float(START)
    while True:
        now += r.random() / 50
        device, rank = r.randrange(800), min(int(r.paretovariate(0.7)), 45_000)
        path = r.choice(("/", f"/articles/{r.randrange(10**6)}/index.html", f"/search?q={r.randrange(10**5)}&page=2"))
        yield Visit(
            now, f"10.1.{device // 200}.{device % 200 + 1}", r.randrange(1024, 65_000),
            f"y{device % 7 + 7}.pupil{device}",
            f"www.site{rank}.example{rank % 50}.com", f"203.0.{rank % 199}.{rank % 241}", path, CATEGORIES[rank % 8],
            r.random() < 0.1, r.randrange(200, 9_000), r.randrange(10**6), AGENTS[device % 3],
        )  # fmt: skip


def fortigate(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        head = one.when("date=%Y-%m-%d time=%H:%M:%S ") + 'devname="gw-school" devid="FGT60F0000000001" '
        head += f'eventtime={int(one.at * 1e6)}000 tz="+0000" '
        ends = f'srcip={one.client} srcport={one.port} srcintf="lan" srcintfrole="lan" dstip={one.server} '
        kind = r.random()
        if kind < 0.5:
            verdict, kind_of = ("blocked", "ftgd_blk") if one.blocked else ("passthrough", "ftgd_allow")
            yield (
                f'{head}logid="0317013312" type="utm" subtype="webfilter" eventtype="{kind_of}" level="notice" vd="root" '  # noqa: E501 - one line of a log
                f'policyid=7 sessionid={r.randrange(10**6)} user="{one.user}" group="Pupils" {ends}dstport=443 '
                f'dstintf="wan1" dstintfrole="wan" proto=6 service="HTTPS" hostname="{one.host}" profile="pupils" '
                f'action="{verdict}" reqtype="direct" url="https://{one.host}{one.path}" sentbyte={one.sent} '
                f'rcvdbyte={one.received} direction="outgoing" msg="URL belongs to a category in policy" '
                f'method="domain" cat=30 catdesc="{one.category}"'
            )
        elif kind < 0.85:
            yield (
                f'{head}logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" {ends}dstport=443 '
                f'dstintf="wan1" dstintfrole="wan" sessionid={r.randrange(10**6)} proto=6 '
                f'action="{"deny" if one.blocked else "close"}" policyid=7 policytype="policy" user="{one.user}" '
                f'service="HTTPS" dstcountry="Reserved" srccountry="Reserved" trandisp="snat" duration={r.randrange(600)} '  # noqa: E501 - one line of a log
                f"sentbyte={one.sent} rcvdbyte={one.received} sentpkt={one.sent // 900} rcvdpkt={one.received // 900} "
                'appcat="unscanned"'
            )
        else:
            yield (
                f'{head}logid="1501054802" type="utm" subtype="dns" eventtype="dns-response" level="notice" vd="root" '
                f'policyid=7 sessionid={r.randrange(10**6)} {ends}dstport=53 proto=17 profile="pupils-dns" '
                f'xid={r.randrange(65_000)} qname="{one.host}" qtype="A" qtypeval=1 qclass="IN" ipaddr="{one.server}" '
                f'msg="Domain is monitored" action="pass" cat=30 catdesc="{one.category}"'
            )


def sophos_xg(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        head = one.when('device="SFW" date=%Y-%m-%d time=%H:%M:%S timezone="GMT" ')
        head += "device_name=XGS116 device_id=X1A00000000000A "
        if r.random() < 0.6:
            status = 403 if one.blocked else 200
            yield (
                f'<30>{head}log_id=050901616001 log_type="Content Filtering" log_component="HTTP" '
                f'log_subtype="{"Denied" if one.blocked else "Allowed"}" status="" priority=Information fw_rule_id=6 '
                f'fw_rule_name="Pupils to web" user_name="{one.user}" user_gp="Pupils" iap=13 category="{one.category}" '  # noqa: E501 - one line of a log
                f'category_type="Acceptable" url="https://{one.host}{one.path}" contenttype="text/html" '
                f'override_token="" httpresponsecode="" src_ip={one.client} dst_ip={one.server} protocol="TCP" '
                f"src_port={one.port} dst_port=443 sent_bytes={one.sent} recv_bytes={one.received} domain={one.host} "
                f'exceptions="" activityname="" reason="" user_agent="{one.agent}" status_code="{status}" '
                'transactionid="" referer="" con_id=484085624 application="" app_is_cloud=0'
            )
        else:
            yield (
                f'<30>{head}log_id=010101600001 log_type="Firewall" log_component="Firewall Rule" log_subtype="Allowed" '  # noqa: E501 - one line of a log
                f'status="Allow" priority=Information duration={r.randrange(600)} fw_rule_id=2 policy_type=1 '
                f'user_name="{one.user}" user_gp="Pupils" iap=13 ips_policy_id=0 appfilter_policy_id=0 '
                f'application="Secure Web" application_risk=1 in_interface="Port1" out_interface="Port2" '
                f"src_mac=02:00:5e:10:00:01 src_ip={one.client} src_country_code=R1 dst_ip={one.server} "
                f'dst_country_code=R1 protocol="TCP" src_port={one.port} dst_port=443 sent_pkts=18 recv_pkts=16 '
                f"sent_bytes={one.sent} recv_bytes={one.received} tran_src_ip=192.0.2.1 tran_src_port={one.port} "
                'srczonetype="LAN" srczone="LAN" dstzonetype="WAN" dstzone="WAN" connevent="Stop" connid="2108879552"'
            )


def paloalto(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        now, start = one.when("%Y/%m/%d %H:%M:%S"), one.when("%b %d %H:%M:%S")
        ends = (
            f"{one.client},{one.server},192.0.2.1,{one.server},Pupils out,school\\{one.user},,ssl,vsys1,Pupils,Internet,"  # noqa: E501 - one line of a log
            f"ae1.20,ethernet1/1,Collector,{now},{r.randrange(10**6)},1,{one.port},443,{one.port},443,0x400053,tcp,"
        )
        if r.random() < 0.5:
            yield (
                f"<14>{start} fw01 1,{now},007200001056,TRAFFIC,end,2562,{now},{ends}{'deny' if one.blocked else 'allow'},"  # noqa: E501 - one line of a log
                f"{one.sent + one.received},{one.sent},{one.received},189,{now},{r.randrange(600)},{one.category},,"
                "1353226782,0x0,10.0.0.0-10.255.255.255,United Kingdom,,90,99,tcp-fin,0,0,0,0,,fw01,from-policy,,,0,,0,,"  # noqa: E501 - one line of a log
                f"N/A,0,0,0,0,ace432fe-a9f2-5a1e-327a-91fdce0077da,0{',' * 49}{one.when('%Y-%m-%dT%H:%M:%S')}.547+00:00"
            )
        else:
            yield (
                f"<14>{start} fw01 1,{now},007200001056,THREAT,url,2562,{now},{ends}"
                f'{"block-url" if one.blocked else "alert"},"{one.host}{one.path}",(9999),{one.category},informational,'
                "client-to-server,899904602,0x0,10.0.0.0-10.255.255.255,United Kingdom,,text/html,0,,,1,"
                f'"{one.agent}",,,,,,,0,0,0,0,0,,fw01,,,,get,0,,0,,N/A,unknown,AppThreat-0-0,0x0,0,4294967295,,'
                f'"{one.category},low-risk",ace432fe-a9f2-5a1e-327a-91fdce0077da,0'
            )


def umbrella_dns(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        kind = r.choice(("1 (A)", "28 (AAAA)", "65 (HTTPS)"))
        yield (
            f'"{one.when("%Y-%m-%d %H:%M:%S")}","{one.user}","{one.user},PC-14,Main site","{one.client}","192.0.2.9",'
            f'"{"Blocked" if one.blocked else "Allowed"}","{kind}","NOERROR","{one.host}.","{one.category},Games",'
            '"AD Users","AD Users,AD Computers,Sites","","506165","","8234970"'
        )


def zscaler(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        action = "Blocked" if one.blocked else "Allowed"
        yield (
            f"{one.when('%Y-%m-%d %H:%M:%S')}\treason={action}\tevent_id={r.randrange(10**18)}\tprotocol=HTTPS\t"
            f"action={action}\ttransactionsize={one.sent + one.received}\tresponsesize={one.received}\t"
            f"requestsize={one.sent}\turlcategory={one.category}\tserverip={one.server}\tclienttranstime=0\t"
            f"requestmethod=GET\trefererURL=None\tuseragent={one.agent}\tproduct=NSS\tlocation=Main%20site\t"
            f"ClientIP={one.client}\tstatus=200\tuser={one.user}@school.example\turl={one.host}{one.path}\t"
            f"vendor=Zscaler\thostname={one.host}\tclientpublicIP=192.0.2.9\tdepartment=Pupils"
        )


def cef(r: random.Random, *, product: str = "Example|Web Gate|3.2") -> Iterator[str]:
    for one in visits(r):
        yield (
            f"<134>{one.when('%b %d %H:%M:%S')} proxy CEF:0|{product}|101|URL seen|3|rt={int(one.at * 1000)} "
            f"src={one.client} spt={one.port} suser=SCHOOL\\\\{one.user} dst={one.server} dpt=443 proto=TCP "
            f"request=https://{one.host}{one.path.replace('=', chr(92) + '=')} requestMethod=GET "
            f"requestClientApplication={one.agent} cs1={one.category} cs1Label=URL Category cs2=Pupils "
            f"cs2Label=Policy Name act={'blocked' if one.blocked else 'allowed'} in={one.received} out={one.sent}"
        )


def suricata_eve(r: random.Random) -> Iterator[str]:
    for one in visits(r):
        head = (
            f'{{"timestamp":"{one.when("%Y-%m-%dT%H:%M:%S")}.{int(one.at % 1 * 1e6):06d}+0000",'
            f'"flow_id":{r.randrange(10**15)},"in_iface":"eth0",'
        )
        kind = r.random()
        port = 53 if kind < 0.3 else 443
        ends = (
            f'"src_ip":"{one.client}","src_port":{one.port},"dest_ip":"{one.server}","dest_port":{port},"proto":"TCP",'
        )
        if kind < 0.3:
            yield (
                f'{head}"event_type":"dns",{ends}"dns":{{"version":2,"type":"query","id":{r.randrange(65_000)},'
                f'"rrname":"{one.host}","rrtype":"A","tx_id":0}}}}'
            )
        elif kind < 0.6:
            yield (
                f'{head}"event_type":"tls",{ends}"tls":{{"sni":"{one.host}","version":"TLS 1.3",'
                f'"ja3":{{"hash":"{r.randrange(10**18):032x}","string":"771,4865-4866-4867"}}}}}}'
            )
        elif kind < 0.7:
            yield (
                f'{head}"event_type":"http",{ends}"tx_id":0,"http":{{"hostname":"{one.host}","url":"{one.path}",'
                f'"http_user_agent":"{one.agent}","http_content_type":"text/html","http_method":"GET",'
                f'"protocol":"HTTP/1.1","status":200,"length":{one.received}}}}}'
            )
        else:
            yield (
                f'{head}"event_type":"flow",{ends}"app_proto":"tls","flow":{{"pkts_toserver":9,"pkts_toclient":12,'
                f'"bytes_toserver":{one.sent},"bytes_toclient":{one.received},"start":"2026-11-20T10:14:00.000000+0000",'
                '"end":"2026-11-20T10:14:05.000000+0000","age":5,"state":"closed","reason":"timeout","alerted":false}}'
            )


MAKERS: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "fortigate": fortigate,
    "sophos_xg": sophos_xg,
    "paloalto": paloalto,
    "umbrella_dns": umbrella_dns,
    "zscaler": zscaler,
    "cef": cef,
    "forcepoint_cef": partial(cef, product="Forcepoint|Security|8.5.5"),
    "suricata_eve": suricata_eve,
}

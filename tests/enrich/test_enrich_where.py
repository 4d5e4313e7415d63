"""Where an event went: registrable domain, search terms and categories."""

import threading

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich import Suffixes
from filterwatch.enrich import where as module
from filterwatch.enrich.search import Engines
from filterwatch.enrich.where import NoLists, Where
from filterwatch.events import CATEGORY_BIT, EVENT_SCHEMA, KIND

SUFFIXES, ENGINES = Suffixes(), Engines()


class Lists:
    """Categories of hosts as a dict gives them; counts what it is asked."""

    def __init__(self, **words):
        self._bits = {host.replace("_", "."): sum(CATEGORY_BIT[w] for w in each) for host, each in words.items()}
        self.asked = []

    def lookup(self, hosts):
        self.asked += hosts.to_list()
        return pl.Series([self._bits.get(host, 0) for host in hosts.to_list()], dtype=pl.UInt64)


def where(index=None):
    return Where(index or NoLists(), SUFFIXES, ENGINES)


NO_LISTS = where()


def events(**columns):
    if "kind" in columns:
        columns["kind"] = pl.Series(columns["kind"], dtype=KIND)
    return pl.DataFrame(columns)


def test_the_columns_have_the_types_of_the_contract():
    out = where().add(events(host=["www.bbc.co.uk"]))
    for name in ("domain", "search_terms", "categories"):
        assert out.schema[name] == EVENT_SCHEMA[name]
    assert out.schema["category_bits"] == pl.UInt64
    assert not [name for name in out.columns if name.startswith("_")]


def test_dns_events_are_known_by_what_was_asked_for():
    out = where().add(events(kind=["dns", "http"], host=[None, "a.b.co.uk"], query=["x.y.com", None]))
    assert out["domain"].to_list() == ["y.com", "b.co.uk"]


def test_a_flow_without_a_name_is_looked_up_by_its_address():
    index = Lists(**{"192_0_2_7": ["bypass", "bypass.tor"]})
    out = where(index).add(events(kind=["flow"], dest_ip=["192.0.2.7"]))
    assert out["categories"].to_list() == [["bypass", "bypass.tor"]]
    assert out["domain"].to_list() == [None]


@pytest.mark.parametrize("kind", ["lease", "control", "auth"])
def test_the_name_of_a_device_is_no_place(kind):
    index = Lists(games_example=["games"])
    out = where(index).add(events(kind=[kind], host=["games.example"]))
    assert out.select("domain", "categories", "category_bits").row(0) == (None, None, 0)


def test_hosts_are_left_as_the_decoder_set_them():
    out = where().add(events(host=["WWW.Example.COM."]))
    assert out["host"].to_list() == ["WWW.Example.COM."]
    assert out["domain"].to_list() == ["example.com"]


def test_rules_get_the_one_form_of_a_host_that_was_written_in_another():
    out = where().add(
        events(
            host=["faceb%6fok.com", "facebook.com", "3118228743", None, None, "a..b", None],
            query=[None, None, None, "F\uff41cebook.com.", "facebook.com", None, None],
            dest_ip=[None, None, "10.0.0.1", None, None, None, "::ffff:192.0.2.7"],
        )
    )
    assert out["host_form"].to_list() == ["facebook.com", None, "185.220.101.7", "facebook.com", None, None, None]
    assert "host_form" not in where().add(events(host=["facebook.com", None], query=[None, "a.b.com"])).columns


def test_a_name_asked_for_is_no_url_whatever_signs_are_in_it():
    names = ["a/b.tunnel.co.uk", r"x\\032.tunnel.co.uk", "q#1?.tunnel.co.uk"]
    out = where().add(events(query=names))
    assert out["domain"].to_list() == ["tunnel.co.uk"] * 3


def test_lists_are_asked_once_for_each_new_host_in_its_one_form():
    index = Lists(games_example=["games"])
    place = where(index)
    first = place.add(events(host=["Games.example.", "games.example", "games.example", "other.example", None]))
    again = place.add(events(host=["games.example", "other.example"]))
    assert sorted(index.asked) == ["games.example", "games.example", "other.example"]
    assert first["category_bits"].to_list() == [CATEGORY_BIT["games"]] * 3 + [0, 0]
    assert again["categories"].to_list() == [["games"], None]


def test_newer_lists_answer_from_the_next_batch_on():
    place = where(Lists(a_example=["games"]))
    frame = events(host=["a.example"])
    assert place.add(frame)["categories"].to_list() == [["games"]]
    place.use(Lists(a_example=["chat", "social_media"]))
    assert place.add(frame)["categories"].to_list() == [["social_media", "chat"]]


def test_search_terms_stand_beside_other_rows():
    urls = ["https://www.bing.com/search?q=moss", "https://a.example/search?q=x", None, "www.bing.com:443"]
    out = where().add(events(host=["www.bing.com", "a.example", None, "www.bing.com"], url=urls))
    assert out["search_terms"].to_list() == ["moss", None, None, None]


def test_memory_stays_bounded_when_names_never_end(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 100)
    place = where()
    for batch in range(10):
        names = [f"{batch}-{n}.tunnel.example" for n in range(60)]
        assert place.add(events(host=names))["domain"].to_list() == ["tunnel.example"] * 60
        assert len(place._memory[1]) <= 100
    assert place.add(events(host=[f"x{n}.a.example" for n in range(250)]))["domain"].n_unique() == 1
    assert len(place._memory[1]) <= 100


def test_ten_thousand_hosts_in_a_batch_keep_their_rows():
    hosts = [f"www.site{n % 5000}.example" for n in range(10_000)]
    out = where(Lists(www_site42_example=["games"])).add(events(host=hosts))
    assert out["host"].to_list() == hosts
    assert out["domain"].to_list() == [f"site{n % 5000}.example" for n in range(10_000)]
    assert out["category_bits"].arg_max() == 42
    assert (out["category_bits"] != 0).sum() == 2


def test_several_threads_get_the_right_answers():
    place, wrong = where(), []

    def work(number):
        for round_ in range(20):
            hosts = [f"a.t{number}r{round_}n{n}.example" for n in range(50)]
            if place.add(events(host=hosts))["domain"].to_list() != [host[2:] for host in hosts]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_frame_without_rows_or_columns_is_no_error():
    assert where().add(pl.DataFrame(schema=EVENT_SCHEMA).drop("domain", "search_terms", "categories")).is_empty()
    assert where().add(pl.DataFrame({"time": [1, 2]}))["domain"].to_list() == [None, None]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=40) | st.none(), st.text(max_size=40) | st.none()), max_size=10))
def test_no_host_or_url_raises(rows):
    frame = pl.DataFrame(rows, schema={"host": pl.String, "url": pl.String}, orient="row")
    assert len(NO_LISTS.add(frame)) == len(rows)

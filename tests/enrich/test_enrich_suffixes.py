"""The registrable domain is what can be registered under a public suffix."""

import random

import pytest
from test_enrich_hosts import CASES
from tldextract import TLDExtract

from filterwatch.enrich.hosts import host_of
from filterwatch.enrich.suffixes import Suffixes
from filterwatch.errors import ConfigurationError

SUFFIXES = Suffixes()


@pytest.mark.parametrize("case", [case for case in CASES if case["host"]], ids=lambda case: case["input"][:60])
def test_a_host_gives_its_registrable_domain(case):
    assert SUFFIXES.registrable(case["host"]).domain == (case["registrable"] or None)


def test_schools_sit_below_their_authority():
    assert SUFFIXES.registrable("www.st-pauls-pri.manchester.sch.uk").domain == "st-pauls-pri.manchester.sch.uk"
    assert SUFFIXES.registrable("manchester.sch.uk").domain is None


def test_only_what_a_registry_runs_is_given_as_suffix():
    assert SUFFIXES.registrable("www.google.co.uk").suffix == "co.uk"
    assert SUFFIXES.registrable("google.blogspot.com").suffix == ""


def test_it_agrees_with_tldextract_on_names_below_any_suffix():
    extract = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
    rules = random.Random(5).sample(sorted(extract.tlds), 3000)
    rules += [rule for rule in extract.tlds if rule.startswith(("!", "*."))]
    for rule in rules:
        for below in ("", "a.", "b.a.", "c.b.a."):
            host = host_of(below + rule.removeprefix("!").replace("*", "w"))
            if host is None or "." not in host:
                continue
            parts = extract.extract_str(host)
            want = parts.top_domain_under_public_suffix if parts.suffix else ".".join(host.rsplit(".", 2)[-2:])
            assert SUFFIXES.registrable(host).domain == (want or None), host


def test_a_newer_list_of_the_school_is_used(tmp_path):
    file = tmp_path / "list.dat"
    text = "// ===BEGIN ICANN DOMAINS===\ncom\nnew.com\n// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\n"
    file.write_text(text + "host.com\n// ===END PRIVATE DOMAINS===\n")
    assert Suffixes(file).registrable("a.b.new.com").domain == "b.new.com"
    assert Suffixes(file).registrable("a.b.host.com") == ("b.host.com", "")


def test_a_file_that_is_no_suffix_list_is_refused_by_name(tmp_path):
    (tmp_path / "list.dat").write_text("hello\n")
    with pytest.raises(ConfigurationError, match=r"list\.dat:1:1: no Public Suffix List"):
        Suffixes(tmp_path / "list.dat")
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        Suffixes(tmp_path / "none.dat")

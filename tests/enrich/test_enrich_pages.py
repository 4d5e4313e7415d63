"""Pages on lists: what an address says beyond its host."""

import polars as pl

from filterwatch import lists
from filterwatch.enrich import Suffixes
from filterwatch.enrich.search import Engines
from filterwatch.enrich.where import Where


def test_a_listed_page_has_its_category_and_the_rest_of_the_site_has_none(tmp_path):
    path = tmp_path / "bypass.txt"
    path.write_text("# category: gambling\nsites.example/view/casino\nbet.example\n@@bet.example/help\n")
    where = Where(lists.prepare(path, tmp_path / "lists.index"), Suffixes(), Engines())
    urls = ["http://Sites.example/view/casino/1", "http://sites.example/view/maths", None, "http://bet.example/help/me"]
    hosts = ["Sites.example", "sites.example", "sites.example", "bet.example"]
    out = where.add(pl.DataFrame({"host": [*hosts, "bet.example"], "url": [*urls, "http://bet.example/"]}))
    assert out["categories"].to_list() == [["gambling"], None, None, None, ["gambling"]]
    assert out["host"].to_list() == [*hosts, "bet.example"]
    assert not [name for name in out.columns if name.startswith("_")]

"""``filterwatch receive`` with nothing to receive is a mistake of the configuration: trying again does not help."""

from __future__ import annotations

import subprocess
import sys

CONFIG = """\
site: st-pauls
state: state
sources:
  - {name: squid, format: squid, path: access.log}
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane], logins: [jroe]}
    head: {name: Ann Head, channels: [ann], logins: [ahead]}
delivery:
  channels: {jane: {url_file: jane.url}, ann: {url_file: ann.url}}
"""


def test_without_a_source_that_listens_it_is_wrong_use_with_its_place_and_remedy(tmp_path):
    config = tmp_path / "filterwatch.yaml"
    config.write_text(CONFIG)
    for name in ("jane", "ann"):
        (tmp_path / f"{name}.url").write_text("json://localhost/\n")

    done = subprocess.run(
        [sys.executable, "-m", "filterwatch", "receive", "--config", config],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"{config}:4:")
    assert "sources: none has `listen`" in done.stderr
    assert "allow: [" in done.stderr
    assert not (tmp_path / "state").exists()

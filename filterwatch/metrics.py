"""Prometheus metrics: what the daemon counts.

A label is a source, a rule id, a level or a channel from the configuration; never a user, host, address or URL.
Each process makes its own :class:`Metrics` over its own registry.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, start_http_server

from filterwatch.errors import FilterwatchError


class Metrics:
    """All metrics over one registry.

    Args:
        registry: Where they are registered; a new one by default, so that tests never share counts.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        r = self.registry
        self.build = Info("filterwatch_build", "Version of filterwatch.", registry=r)
        self.lines = Counter("filterwatch_lines", "Lines read.", ["source"], registry=r)
        self.events = Counter("filterwatch_events", "Lines that became events.", ["source"], registry=r)
        self.rejected = Counter("filterwatch_rejected_lines", "Lines no decoder could read.", ["source"], registry=r)
        self.skipped = Counter("filterwatch_skipped_lines", "Lines without meaning for us.", ["source"], registry=r)
        self.gaps = Counter("filterwatch_gaps", "Times lines were lost before we read them.", ["source"], registry=r)
        self.lag = Gauge("filterwatch_lag_bytes", "Bytes written and not yet journalled.", ["source"], registry=r)
        self.last_event = Gauge(
            "filterwatch_last_event_timestamp_seconds", "When the source last spoke.", ["source"], registry=r
        )
        self.readable = Gauge("filterwatch_source_readable", "1 while the source can be read.", ["source"], registry=r)
        self.batch_seconds = Histogram(
            "filterwatch_batch_seconds",
            "Time of one pass over a batch, from bytes to journal.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=r,
        )
        self.journal_failures = Counter(
            "filterwatch_journal_failures", "Commits that failed and are tried again.", registry=r
        )
        self.detections = Counter("filterwatch_detections", "Rules that held.", ["rule", "level"], registry=r)
        self.alerts = Counter("filterwatch_alerts", "Alerts raised.", ["level"], registry=r)
        self.outbox_depth = Gauge("filterwatch_outbox_depth", "Notifications not yet sent.", ["state"], registry=r)
        self.outbox_age = Gauge(
            "filterwatch_outbox_oldest_seconds", "Age of the oldest notification not yet sent.", registry=r
        )
        self.sent = Counter("filterwatch_sent", "Notifications handed over.", ["channel", "result"], registry=r)
        self.filter_enabled = Gauge(
            "filterwatch_filter_enabled", "0 while a filter is known to be off.", ["filter"], registry=r
        )
        self.forgotten = Gauge(
            "filterwatch_detector_forgotten",
            "What a detector forgot since the start to make room: much of it is a flood of made-up names or addresses.",
            ["detector"],
            registry=r,
        )

        self.list_newest = Gauge(
            "filterwatch_list_newest_timestamp_seconds",
            "When a public category list was last known to be its makers' newest; 0 for never.",
            ["list"],
            registry=r,
        )
        self.list_problem = Gauge(
            "filterwatch_list_problem",
            "1 while a public category list is missing, damaged or not taken.",
            ["list"],
            registry=r,
        )
        self.received = Counter(
            "filterwatch_received", "What senders of syslog did, by what it was.", ["source", "what"], registry=r
        )
        self.spool_failures = Counter("filterwatch_spool_failures", "Writes to the spool that failed.", registry=r)

    def serve(self, address: str, port: int) -> None:
        """Serve ``/metrics`` on *address* from a daemon thread.

        Raises:
            FilterwatchError: The port cannot be had.
        """
        try:
            start_http_server(port, addr=address, registry=self.registry)
        except OSError as error:
            raise FilterwatchError(
                f"metrics: port {port} of {address} cannot be had: {error.strerror}; give another (section metrics)"
            ) from None

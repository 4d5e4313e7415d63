"""What the configuration says about the school, where it is sound and yet will not do what people expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filterwatch import enrich, policy
from filterwatch.app.deliver import channel_urls
from filterwatch.app.doctor.gateway import Finding, Gateway
from filterwatch.app.starting import UNSET
from filterwatch.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def recipients(gateway: Gateway) -> Iterator[Finding]:
    """Yield what keeps people from being told."""
    known = gateway.configuration.settings.alerts.recipients
    if len({" ".join(one.name.split()).casefold() for one in known.values()}) < 2:
        yield Finding(
            "Only one person is told of alerts.",
            "Nobody notices when that person is away, or is who it is about.",
            "Add a second person under alerts.recipients: a deputy, the head, a governor.",
        )
    if nameless := [role for role, one in known.items() if not one.logins]:
        yield Finding(
            f"No log-in names are given for: {', '.join(nameless)}.",
            "An alert about one of them would be sent to themselves.",
            "Add `logins: [...]` to each recipient.",
        )
    try:
        urls = channel_urls(gateway.configuration)
    except ConfigurationError as error:
        yield Finding(f"A channel cannot be used: {error}.", "`filterwatch deliver` does not start.", "As it says.")
        return
    if unset := [name for name, url in urls.items() if UNSET in url]:
        yield Finding(
            f"Channels that still have the address of `filterwatch init`: {', '.join(unset)}.",
            "Nothing can be delivered there.",
            "Write each channel's Apprise URL into its url_file.",
        )


def calendar(gateway: Gateway) -> Iterator[Finding]:
    """Yield a calendar that has come to its end."""
    said = gateway.configuration.settings.calendar
    today = gateway.now.astimezone(gateway.configuration.settings.timezone).date()
    if not said.terms:
        yield Finding(
            "The calendar has no terms.",
            "Every weekday counts as a school day: holidays raise alerts about school hours.",
            "Add `calendar.terms`, half_terms, closures and inset_days.",
        )
    elif (end := max(term.end for term in said.terms)) < today:
        yield Finding(
            f"The calendar's last term ended on {end:%d %b %Y}.",
            "Soon every weekday counts as a school day again.",
            "Add the terms of this year to `calendar.terms`.",
        )


def people(gateway: Gateway) -> Iterator[Finding]:
    """Yield when nothing tells who is who, and rules that can never hold for that."""
    said = gateway.configuration.settings.people
    register = enrich.build(enrich.Settings(people=said), directory=gateway.configuration.directory).register
    if not (register.users or said.ranges or said.patterns or said.domains):
        yield Finding(
            "Nothing says who is a pupil and who is staff.",
            "Everybody is of the group `unknown`: rules for pupils or staff alone never hold.",
            "Fill in the roster, or people.ranges, people.patterns or people.domains.",
        )
    devices = [*register.by_mac.values(), *register.by_name.values()]
    classes = {one.device_class for one in said.ranges} | {device.kind for device in devices}
    rules = [rule for rule in policy.load(gateway.configuration.rules).rules if rule.enabled and rule.who.devices]
    if never := [rule.id for rule in rules if classes.isdisjoint(rule.who.devices or ())]:
        needed = sorted({kind for rule in rules if rule.id in never for kind in rule.who.devices or ()})
        yield Finding(
            f"Rules that can never hold, for no device is of their class: {', '.join(never)}.",
            f"They look at devices of the classes {', '.join(needed)}.",
            "Give ranges a `device_class`, or devices a class in the list of devices.",
        )
    for lease in said.leases:
        if not gateway.configuration.at(lease).exists():
            yield Finding(
                f"The lease file {lease} does not exist.",
                "An address is not tied to a device.",
                "Correct people.leases; see `dhcp-leasefile` in dnsmasq.conf.",
            )


def metrics(gateway: Gateway) -> Iterator[Finding]:
    """Yield metrics that others on the network can read."""
    said = gateway.configuration.settings.metrics
    if (said.ingest_port or said.deliver_port) and said.listen not in LOOPBACK:
        yield Finding(
            f"Metrics are served on {said.listen}.",
            "Pupils can see when nobody is watching.",
            "metrics.listen: 127.0.0.1, and let Prometheus come through a tunnel or an agent.",
        )


def configuration_file(gateway: Gateway) -> Iterator[Finding]:
    """Yield files of people that the daemon may not read."""
    said = gateway.configuration.settings.people
    named = [gateway.configuration.at(path) for path in (said.roster, said.devices) if path]
    for path in (Path(gateway.configuration.document.path), *named):
        if path.exists() and not gateway.may("r", path):
            yield Finding(
                f"{path} may not be read by the account {gateway.account}.",
                "The daemon does not start.",
                f"chgrp {gateway.account} {path} && chmod g+r {path}",
            )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (
    configuration_file, recipients, people, calendar, metrics,
)  # fmt: skip

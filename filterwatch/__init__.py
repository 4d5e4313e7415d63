"""filterwatch: an audit daemon for school gateways.

It reads the logs that a school's filter already writes, decides which events break the e-safety policy,
tells the responsible person safely and keeps the records that the policy demands.
"""

__version__ = "0.1.0"

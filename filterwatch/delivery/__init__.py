"""The outbox is sent: Apprise in a process that can be killed."""

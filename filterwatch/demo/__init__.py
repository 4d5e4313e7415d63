"""The demonstration school: real-looking logs written live, the real daemon, mails caught on this machine."""

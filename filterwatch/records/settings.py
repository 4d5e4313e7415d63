"""Django settings for the registers and the console."""

SECRET_KEY = "replaced at start"  # noqa: S105 - never used: no session is made before a real one is set
INSTALLED_APPS: list[str] = []
USE_TZ = True

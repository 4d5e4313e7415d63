"""Django's settings that never change; :func:`filterwatch.records.setup` adds the database and the secret.

The type checker's Django plugin reads this module too.
"""

SECRET_KEY = "replaced at start"  # noqa: S105 - never used: setup() puts the school's own in its place
INSTALLED_APPS: list[str] = ["filterwatch.records"]
DATABASES: dict[str, dict[str, object]] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
# Django's own default logs SQL parameters and request paths at debug level: personal data.
LOGGING_CONFIG = None

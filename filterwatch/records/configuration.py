"""What the configuration may say about the registers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from filterwatch.config import Part


class Settings(Part):
    """Where the registers are kept; every key has a default that suits one gateway."""

    database: str | None = Field(
        None,
        description="SQLite file, or postgresql://user@host:port/name; default records.db in the state directory",
    )
    password_file: Path | None = Field(None, description="file with the PostgreSQL password; never in the URL")
    secret_file: Path | None = Field(
        None, description="file with the secret of codes and pseudonyms; default `secret` in the state directory"
    )
    ledger_key: Path | None = Field(
        None, description="file with the key that signs the ledger; default `ledger.key` in the state directory"
    )

    @field_validator("database")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        scheme, found, rest = (value or "").partition("://")
        if not found:
            return value
        if scheme not in {"postgresql", "postgres"}:
            raise ValueError("give a file or a postgresql:// URL")
        if ":" in rest.split("/")[0].rpartition("@")[0]:
            # The message shows what was found: never with the password in it.
            raise ValueError("a password stands in the URL; put it into a file and name that in password_file")
        return value

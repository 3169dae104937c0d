"""Secrets out of what is printed or logged; see config.redact, which lower layers use as well."""

from config.redact import Redactor, redacted

__all__ = ["Redactor", "redacted"]

"""How much memory a pull gives its engine."""

import pytest

from sync.pull_events import _smaller


@pytest.mark.parametrize(
    ("said", "used"),
    [("2GB", "250MB"), ("1.5 GB", "250MB"), ("1TB", "250MB"), ("512MiB", "250MB"),
     ("100MB", "100MB"), ("238MiB", "238MiB"), ("239 mib", "250MB")],
)  # fmt: skip
def test_a_part_is_read_in_little_memory_and_never_in_more_than_was_allowed(said, used):
    assert _smaller(said, "250MB") == used

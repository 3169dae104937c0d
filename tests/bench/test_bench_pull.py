"""The pull's benchmark, small: it measures the same work on both sides, or nothing."""

import gzip
import json
from collections import Counter

import pytest

from bench import pull
from bench.pull_bodies import write_bodies
from bench.run import BenchError, Run


def test_bodies_are_lines_of_events_of_their_days_with_a_few_twice(tmp_path):
    paths = write_bodies(tmp_path, 2_000, 2)
    assert [path.name for path in paths] == ["2026-01-01.jsonl.gz", "2026-01-02.jsonl.gz"]
    packed = [path.read_bytes() for path in paths]
    events = [json.loads(line) for body in packed for line in gzip.decompress(body).splitlines()]
    ids = Counter(event["properties"]["$insert_id"] for event in events)
    assert (len(events), len(ids)) == (2_000, 1_980)
    kinds = Counter(type(event["properties"]["company_id"]) for event in events)
    assert kinds[list] == pytest.approx(500, abs=100)
    days = {event["properties"]["time"] // 86_400_000 for event in events}
    assert max(days) - min(days) == 1


def test_everything_is_measured_on_the_same_bodies(tmp_path):
    figures = {one.name: one for one in pull.run(tmp_path, 2_000, 2, 1)}
    assert figures["pull, peak memory"].limit == 400
    assert all(one.value > 0 for one in figures.values())


def test_a_pull_that_lost_something_has_no_figures():
    with pytest.raises(BenchError, match=r"\[1978\] rows pulled where 1980 are right"):
        pull._same([Run(1.0, 1.0, "1978")], 2_000, 2_000)
    pull._same([Run(1.0, 1.0, "1980")], 2_000, 2_000)

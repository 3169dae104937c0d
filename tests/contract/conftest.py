"""The worlds in which every connector has to show the same behaviour.

A world is a vendor with its data: tests say what is there, and ask the connector about it. A new
vendor adds a class here; no test of this folder names one.
"""

import csv
import io
import json
import os
from contextlib import closing
from types import SimpleNamespace

import pytest

from config.project_file import Connection
from connectors.registry import connect
from tests.contract.hubspot_world import HubSpotWorld
from tests.contract.mixpanel_world import MixpanelWorld
from tests.contract.salesforce_world import SalesforceWorld


class FilesWorld:
    """A folder of files."""

    name = "files"

    def __init__(self, folder):
        self.folder = folder
        (folder / "data" / "events").mkdir(parents=True)
        self.connector = connect("data", Connection(type="files", options={"path": "data"}), folder)

    def close(self):
        """Nothing is open."""

    def put_events(self, part, events):
        path = self.folder / "data" / "events" / f"{part}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in events))

    def remove_events(self, part):
        (self.folder / "data" / "events" / f"{part}.jsonl").unlink()

    def touch_events(self, part):
        """The part looks new and is what it was."""
        path = self.folder / "data" / "events" / f"{part}.jsonl"
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))

    def lose_events(self):
        """The place where events come from cannot be reached."""
        (self.folder / "data" / "events").rmdir()

    def put_records(self, object_name, records):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: "" if value is None else value for name, value in record.items()}
            for record in records
        )
        (self.folder / "data" / f"{object_name}.csv").write_text(text.getvalue())


WORLDS = [FilesWorld, HubSpotWorld, MixpanelWorld, SalesforceWorld]


def worlds(*abilities):
    """A fixture for each world that can do any of that."""
    chosen = [one for one in WORLDS if any(hasattr(one, ability) for ability in abilities)]

    @pytest.fixture(params=chosen, ids=lambda world: world.name)
    def made(request, tmp_path):
        with closing(request.param(tmp_path)) as world:
            yield world

    return made


CONTACTS = [
    {"Id": "001", "Name": "Acme, Inc.", "Seats": "12", "Stage": None},
    {"Id": "002", "Name": 'Say "hi"', "Seats": None, "Stage": "Adoption"},
    {"Id": "003", "Name": "Übung\nmit Zeilen", "Seats": "7", "Stage": "Renewal"},
]

product = worlds("put_events")
keeping = worlds("put_records")
reading = worlds("put_records", "put_profiles")


@pytest.fixture
def place(product):
    """A world whose events lie somewhere, and may be taken away; windows of a calendar may not."""
    if not hasattr(product, "remove_events"):
        pytest.skip(f"{product.name} has windows of a calendar")
    return product


@pytest.fixture
def contacts(keeping):
    """Three records of an object `Account`, to be read and written."""
    keeping.put_records("Account", CONTACTS)
    return SimpleNamespace(world=keeping, records=CONTACTS)


@pytest.fixture
def accounts_of(reading):
    """The same records, to be read."""
    put = getattr(reading, "put_records", None) or reading.put_profiles
    put("Account", CONTACTS)
    return SimpleNamespace(world=reading, records=CONTACTS, put=put)

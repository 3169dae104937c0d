"""The reference pages hold every key, every option and every output; their examples are right."""

import re
from pathlib import Path

import pytest

from config import guards, journey, mapping_file, project_file, signal
from config.connection_types import CONNECTION_TYPES
from config.load import load_project
from config.names import OUTPUTS
from config.settings import Secrets
from config.shape import Shape

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "journey-reference.md": (journey, signal),
    "mapping-reference.md": (mapping_file,),
    "project-reference.md": (project_file, guards),
}
KEYS = sorted(
    {
        (page, key)
        for page, modules in PAGES.items()
        for module in modules
        for shape in vars(module).values()
        if isinstance(shape, type)
        and issubclass(shape, Shape)
        and shape.__module__ == module.__name__
        for key in shape.written_keys()
        if shape is not signal.Aggregate or key != "events"
    }
)


@pytest.mark.parametrize(("page", "key"), KEYS)
def test_every_key_is_in_a_table_of_the_reference(page, key):
    rows = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("|")]

    assert any(re.search(rf"`{key}[`:]", row.split("|")[1] + row.split("|")[2]) for row in rows)


@pytest.mark.parametrize("kind", CONNECTION_TYPES)
def test_every_option_of_a_connection_is_in_the_reference(kind):
    text = (DOCS / "project-reference.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{kind}` |")]

    assert [option for option in CONNECTION_TYPES[kind].options if f"`{option}`" not in row] == []


def test_every_output_and_every_secret_is_in_the_reference():
    outputs = (DOCS / "journey-reference.md").read_text()
    secrets = (DOCS / "project-reference.md").read_text()

    assert [name for name in OUTPUTS if f"`{name}`" not in outputs] == []
    assert [name for name in Secrets.model_fields if f"`{name}`" not in secrets] == []


def test_the_examples_make_a_project_without_problems(write):
    def first_block(page: str) -> str:
        found = re.search(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        assert found
        return found[1]

    folder = write(
        {
            "gatepost.yaml": first_block("project-reference.md"),
            "mapping.yaml": first_block("mapping-reference.md"),
            "journeys/onboarding.yaml": first_block("journey-reference.md"),
        }
    )

    project, problems = load_project(folder)

    assert [str(one) for one in problems] == []
    assert project is not None

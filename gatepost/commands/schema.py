"""`gatepost schema`: JSON Schema of the three files."""

import click

from gatepost.options import Command

EXAMPLES = (
    ("Let an editor complete keys and underline mistakes",
     "gatepost schema journey > journey.schema.json"),
    ("The same for the mapping", "gatepost schema mapping > mapping.schema.json"),
)  # fmt: skip


@click.command("schema", cls=Command, examples=EXAMPLES)
@click.argument("file", type=click.Choice(["gatepost", "mapping", "journey"]), metavar="FILE")
def command(file: str) -> None:
    """Print the JSON Schema of a file, for editors.

    FILE is gatepost, mapping or journey. Save the schema and begin a file with the line
    `# yaml-language-server: $schema=journey.schema.json`: most editors then complete its keys and
    show what they mean.
    """
    from config import schema
    from gatepost.tables import emit

    found = next(one for one in schema.FILES if one == file)
    emit([schema.schema_text(found).rstrip("\n")])

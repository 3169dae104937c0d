"""Every value that a random project computes is of the type that its output is said to have."""

import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from config.load import load_project
from config.names import outputs_of
from mapping.check import compiled, expression_findings
from mapping.output_types import OutputType, output_type
from sync.cycle import Cycle
from tests.oracle.projects import RandomProject, projects

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_KINDS = {"text": str, "date": date, "boolean": bool, "list": tuple}


def fits(value, kind: OutputType) -> bool:
    if value is None:
        return True
    if kind.kind == "number":
        small = kind.most is None or abs(value) <= kind.most
        return not isinstance(value, bool) and small and round(value, kind.decimals) == value
    if kind.kind == "text" and kind.values is None:
        return True  # a property may be anything; it is written as text
    if not isinstance(value, _KINDS[kind.kind]):
        return False
    values = value if isinstance(value, tuple) else (value,)
    return kind.values is None or {*values} <= {*kind.values}


@settings(
    max_examples=4,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(projects(steps=1))
def test_what_is_computed_is_of_the_type_that_is_told(project: RandomProject):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project.write(folder, 1)
        loaded, problems = load_project(folder, expression_findings)
        assert loaded is not None, problems
        types = {
            (one.journey.name, output): output_type(one, output)
            for one in compiled(loaded)
            for output in outputs_of(one.journey)
        }
        with Cycle(loaded, now=NOW, as_of=project.as_of[0]) as cycle:
            for computed in cycle.compute():
                journey = computed.compiled.journey
                for output in outputs_of(journey):
                    kind = types[journey.name, output]
                    wrong = [one for one in computed.column(output) if not fits(one, kind)]
                    assert not wrong, (output, kind, wrong[:3])

"""What is shipped, what it needs, and what must never stand in a file that git knows."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gatepost

ROOT = Path(__file__).parent.parent
PACKAGES = {"gatepost", "config", "mapping", "connectors", "sync", "sandbox"}
# Declared, and imported by no file of ours, each for its reason.
IMPORTED_BY_OTHERS = {
    "packaging",  # ibis imports it and does not declare it
    "tzdata",  # the standard library's zoneinfo reads it where the system has none
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")


def locked(name):
    """Return {distribution: {versions}}; a platform or a Python may have a version of its own."""
    pins = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            pins.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return pins


def group(name):
    """Return the requirements of a dependency group, included groups as well."""
    entries = PROJECT["dependency-groups"][name]
    nested = [group(e["include-group"]) for e in entries if isinstance(e, dict)]
    return [e for e in entries if isinstance(e, str)] + [r for rs in nested for r in rs]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_the_six_packages_and_nothing_else(wheel):
    info = f"gatepost-{gatepost.__version__}.dist-info"
    assert {name.split("/")[0] for name in wheel.namelist()} == PACKAGES | {info}


def test_the_wheel_holds_every_module_and_every_file_that_modules_read(wheel):
    shipped = set(wheel.namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in shipped


def test_the_wheel_installs_the_command_and_the_licence(wheel):
    names = wheel.namelist()
    (points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "gatepost = gatepost.cli:main" in wheel.read(points).decode()
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_version_stands_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert importlib.metadata.version("gatepost") == gatepost.__version__


def test_the_source_archive_holds_only_what_is_named(tmp_path):
    stray = ROOT / "build" / "stray.txt"  # ignored by git, as something left behind would be
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("left behind", encoding="utf-8")
    try:
        (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    finally:
        stray.unlink()
    with tarfile.open(path) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    named = {
        entry.strip("/")
        for entry in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    # hatchling adds these by itself.
    assert tops <= named | {"pyproject.toml", "PKG-INFO", ".gitignore"}
    assert tops >= PACKAGES | {"pyproject.toml", "README.md", "LICENSE"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_lock_says_where_packages_come_from(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)
    entries = re.findall(r"^\S+==.*(?:\n    --hash=.*)+", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 4


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-build.lock", group("build")),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"] + group("dev")),
    ],
)
def test_locks_fulfil_what_the_project_asks_for(lock, wanted):
    pins = locked(lock)
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is missing from {lock}: run make lock"
        assert all(requirement.specifier.contains(version) for version in versions)


def test_the_locks_agree_with_each_other():
    everything = locked("requirements-dev.lock")
    for lock in LOCKS[:2]:
        assert {n: everything.get(n) for n in locked(lock)} == locked(lock)


def third_party_imports():
    """Return the distributions that the shipped packages import, wherever in a file they do it."""
    names = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.split(".")[0])
    owners = importlib.metadata.packages_distributions()
    # pydantic pins its core exactly, and documents imports from it.
    foreign = names - set(sys.stdlib_module_names) - PACKAGES - {"pydantic_core"}
    return {canonicalize_name(owners.get(name, [name])[0]) for name in foreign}


def test_everything_imported_is_declared_and_everything_declared_is_imported():
    declared = {
        canonicalize_name(Requirement(entry).name) for entry in PROJECT["project"]["dependencies"]
    }
    assert third_party_imports() == declared - IMPORTED_BY_OTHERS


def test_each_dependency_has_its_reason_on_paper():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for entry in PROJECT["project"]["dependencies"] + group("dev"):
        assert f"`{Requirement(entry).name}`" in page, entry


# Prints which of the modules given as JSON on the command line `gatepost --help` loaded; those
# given first cannot be imported at all.
PROBE = """
import json, sys
blocked, watched = map(json.loads, sys.argv[1:3])
for name in blocked:
    sys.modules[name] = None
sys.argv = ["gatepost", "--help"]
from gatepost.cli import commands
try:
    commands.main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
print(json.dumps([name for name in watched if sys.modules.get(name)]), file=sys.stderr)
"""


def test_help_needs_no_engine_and_nothing_that_only_developers_have():
    only_developers = set(locked("requirements-dev.lock")) - set(locked("requirements.lock"))
    owners = importlib.metadata.packages_distributions()
    blocked = [
        module
        for module, owned_by in owners.items()
        if {canonicalize_name(owner) for owner in owned_by} <= only_developers
    ]
    assert "pytest" in blocked
    heavy = PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(blocked), json.dumps(heavy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert json.loads(done.stderr.splitlines()[-1]) == []


def tracked_files():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_no_file_in_git_names_a_registry_or_a_place_on_a_machine():
    """Where packages come from, and where a checkout lies, is each machine's own business."""
    hosts = ["pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js", "deb.debian" + ".org"]
    options = ["--" + "index-url", "--extra-" + "index-url"]
    places = ["/" + "work/", "/" + "root/", "/" + "tmp/bash", "/" + "home/", str(ROOT.parent) + "/"]
    forbidden = re.compile("|".join(map(re.escape, hosts + options + places)), re.IGNORECASE)
    assert forbidden.search("see https://pypi" + ".org/simple")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked_files()
        if path.is_file()
        and (match := forbidden.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []

"""What is installed is locked by digest and within the ranges; the workflows run what is here."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("space", "dev", "tools")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ADVICE = "run `make lock` and commit the result"


def read_lock(name):
    """Return the requirements of a lock file with their numbers of digests."""
    text = (ROOT / ".ci" / f"{name}.lock").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return {
        Requirement(line.partition(" --hash")[0]): len(re.findall(r"--hash=sha256:\w{64}\b", line))
        for line in lines
    }


def environment(python):
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def listed_in(path):
    lines = path.read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def declared():
    """Return what pyproject.toml declares for those who work on the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    used = (extras[name] for name in ("dev", "training", "docs", "fuzz"))
    texts = [*project["dependencies"], *(text for extra in used for text in extra)]
    return [Requirement(text) for text in texts]


def pinned(name, python):
    """Return the version of every package that a lock file gives to a Python on Linux."""
    chosen = {}
    for requirement in read_lock(name):
        if requirement.marker is None or requirement.marker.evaluate(environment(python)):
            (version,) = requirement.specifier
            assert canonicalize_name(requirement.name) not in chosen
            chosen[canonicalize_name(requirement.name)] = version.version
    return chosen


def unmet(requirements, versions, python):
    """List the requirements that the versions do not meet."""
    return [
        str(requirement)
        for requirement in requirements
        if (requirement.marker is None or requirement.marker.evaluate(environment(python)))
        and not requirement.specifier.contains(
            versions.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_versions_by_digest_and_names_no_host(name):
    requirements = read_lock(name)
    assert len(requirements) > 20
    for requirement, num_digests in requirements.items():
        assert [each.operator for each in requirement.specifier] == ["=="], requirement
        assert num_digests > 0, requirement
    text = (ROOT / ".ci" / f"{name}.lock").read_text()
    assert not re.search(r"://|--index|--extra-index|--find-links|file:", text)


def test_the_spaces_lock_is_of_its_requirements():
    python = yaml.safe_load((ROOT / "spaces_config.yaml").read_text())["space"]["python_version"]
    assert python.startswith("3.12.")
    requirements = listed_in(ROOT / "requirements.txt")
    assert unmet(requirements, pinned("space", "3.12"), "3.12") == [], ADVICE


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_developers_lock_is_of_the_requirements_and_within_the_ranges(python):
    requirements = [*listed_in(ROOT / "requirements.txt"), *declared()]
    assert unmet(requirements, pinned("dev", python), python) == [], ADVICE


def test_the_requirements_are_within_the_ranges():
    exact = {
        canonicalize_name(r.name): next(iter(r.specifier)).version
        for r in listed_in(ROOT / "requirements.txt")
        if r.marker is None or r.marker.evaluate(environment("3.12"))
    }
    ranges = [r for r in declared() if canonicalize_name(r.name) in exact]
    assert len(ranges) > 10
    assert unmet(ranges, exact, "3.12") == []


def test_an_unmet_requirement_is_found():
    requirements = [Requirement("torch>=3"), Requirement("numpy; python_version < '3'")]
    assert unmet(requirements, {"torch": "2.11.0"}, "3.12") == ["torch>=3"]
    assert unmet(requirements, {}, "3.12") == ["torch>=3"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_bounded_and_runs_what_is_here(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]), step
            command = step.get("run", "")
            assert "${{" not in command, "text from outside in a shell"
            assert set(re.findall(r"\bmake ([a-z]+)", command)) <= targets
            for file in re.findall(r"(?<!\S)(?:\.ci|tests|zoo)/[\w./-]+", command):
                assert (ROOT / file).exists(), file
    checkouts = path.read_text().count("actions/checkout@")
    assert path.read_text().count("persist-credentials: false") == checkouts


def test_only_the_step_that_publishes_may_write():
    writers = {
        (path.stem, name)
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
        if "write" in str(job.get("permissions", ""))
    }
    assert writers == {("release", "publish"), ("release", "release"), ("docs", "publish")}

"""The Dockerfile and the lock files: slim, non-root, every package pinned by hash, nothing that only tests need."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", re.MULTILINE)


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return {package.lower(): version for package, version in _PIN.findall((ROOT / name).read_text())}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements}


def test_slim_and_not_root() -> None:
    assert all(re.match(r"python:3\.1[1-9]-slim( |$)", base) for base in instructions("FROM"))
    assert instructions("USER") == ["planshift"]
    assert DOCKERFILE.index("USER planshift") < DOCKERFILE.index("ENTRYPOINT")
    assert instructions("ENTRYPOINT") == ['["planshift"]']
    assert PROJECT["project"]["scripts"] == {"planshift": "cli.main:run"}


def test_every_installed_package_is_pinned_by_hash() -> None:
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert ["--require-hashes -r requirements-runtime.lock" in line or "--no-deps ." in line for line in installs] == [
        True,
        True,
    ]


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    sources = [line.split()[0] for line in instructions("COPY") if not line.startswith("--from")]
    assert all((ROOT / source).exists() for source in sources)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["only-include"], "pyproject.toml", "README.md", "LICENSE", "catalogs"}
    assert needed | {"requirements-runtime.lock"} == allowed
    assert all((ROOT / name).exists() for name in allowed)


def test_the_runtime_lock_is_the_part_of_the_lock_that_production_needs() -> None:
    everything, runtime = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert runtime.items() <= everything.items()
    extras = PROJECT["project"]["optional-dependencies"]
    assert names(PROJECT["project"]["dependencies"]) | names(extras["build"]) <= set(runtime)
    assert not (names(extras["embedded"]) | {"ruff", "mypy", "pytest", "hypothesis", "playwright"}) & set(runtime)


def test_the_locks_name_no_place() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert not re.search(r"https?:|file:|index-url|find-links", text), path.name
        assert all(block.count("--hash=sha256:") for block in re.split(r"\n(?=\S)", text)), path.name


def test_make_builds_nothing_from_elsewhere() -> None:
    for path in ("Makefile", "tools/bootstrap.sh", "tools/lock.sh", ".ci/run"):
        assert not re.search(r"https?://|(?<!no-emit-)index-url", (ROOT / path).read_text()), path


def test_the_targets_that_readers_are_told_of_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "up", "chaos", "bench", "lock", "lint", "fmt", "typecheck", "clean"} <= targets
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert targets <= set(phony[1].split())
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert not any(fnmatch(target, "*-*") for target in targets)

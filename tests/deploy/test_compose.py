"""docker-compose.yml against the code: no container engine runs here, so the file is checked against what it names."""

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer.core
import typer.main
import yaml
from starlette.applications import Starlette
from starlette.routing import Match

from cli.main import app
from local.stack import WORKERS
from settings import Settings
from worker.app import QUEUES, create_app

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "planshift"}
WORKING = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
VARIABLES = {f"PLANSHIFT_{name.upper()}" for name in Settings.model_fields}


def parsed(command: list[str]) -> dict[str, Any]:
    """The values that the command line interface makes of a command; fails as it would."""
    name, *arguments = command
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    found = group.get_command(group.make_context("planshift", [], resilient_parsing=True), name)
    assert found, f"planshift has no command {name}"
    return dict(found.make_context(name, list(arguments)).params)


def answers_at(application: Starlette, path: str) -> bool:
    request = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "query_string": b""}
    return any(route.matches(request)[0] is Match.FULL for route in application.routes)


def seconds(duration: str) -> int:
    match = re.fullmatch(r"(\d+)s", duration)
    assert match, duration
    return int(match[1])


def test_the_services_are_the_processes_of_the_stack() -> None:
    assert {"postgres", "valkey", "migrate", "web", "receiver", "beat", "flower"} < set(SERVICES)
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["valkey"]["image"] == "valkey/valkey:9"


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_planshift_has(name: str) -> None:
    parsed(OURS[name]["command"])


def test_every_queue_has_its_workers_once_here_and_in_the_local_stack() -> None:
    here = [queue for service in WORKING.values() for queue in parsed(service["command"])["queues"].split(",")]
    assert sorted(here) == sorted(QUEUES)
    assert sorted(",".join(WORKERS.values()).split(",")) == sorted(QUEUES)
    for name, service in WORKING.items():
        worker = parsed(service["command"])["name"]
        assert name == f"worker-{worker}"
        assert f"{worker}@$$HOSTNAME" in service["healthcheck"]["test"][1]


@pytest.mark.parametrize("name", WORKING)
def test_workers_are_given_the_time_that_their_soft_shutdown_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANSHIFT_BROKER_URL", "redis://127.0.0.1:1/0")
    soft = create_app.__wrapped__().conf.worker_soft_shutdown_timeout
    assert seconds(WORKING[name]["stop_grace_period"]) >= soft + 15


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists(name: str) -> None:
    environment = OURS[name]["environment"]
    assert set(environment) <= VARIABLES
    assert {"PLANSHIFT_DATABASE_URL", "PLANSHIFT_BROKER_URL", "PLANSHIFT_SECRET_KEY"} <= set(environment)
    for variable in ("PLANSHIFT_DATABASE_URL", "PLANSHIFT_BROKER_URL"):
        assert urlsplit(re.sub(r"\$\{.*?\}", "x", environment[variable])).hostname in SERVICES


def test_no_secret_has_a_value_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|AUTH", variable) and variable != "PLANSHIFT_SMTP_PASSWORD":
                assert re.fullmatch(r"\$\{\w+:\?set it in \.env\}", value), variable


def test_the_head_of_the_file_names_every_variable_that_must_be_set() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    head = text[: text.index("x-planshift")]
    assert all(variable in head for variable in re.findall(r"\$\{(\w+):\?", text))


@pytest.mark.parametrize("name", SERVICES)
def test_services_come_back_and_say_how_they_are(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped")
    assert "healthcheck" in service or name == "migrate"


@pytest.mark.parametrize("name", ["web", "receiver", "flower"])
def test_entry_points_listen_where_they_are_published_and_checked(name: str) -> None:
    service = SERVICES[name]
    given = parsed(service["command"])
    assert given["host"] == "0.0.0.0"
    assert service["ports"] == [f"127.0.0.1:{given['port']}:{given['port']}"]
    assert f"http://127.0.0.1:{given['port']}/" in service["healthcheck"]["test"][-1]


def test_the_health_checks_ask_for_routes_that_exist() -> None:
    from web.app import create_api
    from web.webhooks.app import create_standalone_receiver

    assert "/readyz" in SERVICES["web"]["healthcheck"]["test"][-1]
    assert answers_at(create_api(), "/readyz")
    assert "/healthz" in SERVICES["receiver"]["healthcheck"]["test"][-1]
    assert answers_at(create_standalone_receiver(), "/healthz")


def test_the_broker_keeps_its_messages() -> None:
    command = shlex.join(SERVICES["valkey"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert SERVICES["valkey"]["volumes"] == ["valkey:/data"]


def test_the_servers_are_not_reachable_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_dependencies_and_volumes_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])

"""docker-compose.yml against the code: no container engine runs here, so the file is checked against what it names."""

import asyncio
import os
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import typer.core
import typer.main
import yaml
from starlette.types import ASGIApp

from cli.main import app
from local.stack import WORKERS
from settings import Settings
from web.api.following import LONGEST_WAIT_SECONDS
from web.app import BODY_MAX_BYTES
from worker.app import QUEUES, create_app

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
PROXY: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.tls.yml").read_text())["services"]["proxy"]
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


def answers_at(application: ASGIApp, path: str) -> bool:
    """Whether there is something; without its database, it need not be well."""

    async def asked() -> int:
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get(path)).status_code

    return asyncio.run(asked()) != 404


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


# Who is given what is secret, or leads to it. Whoever is not here has none of it.
SECRETS = {
    "PLANSHIFT_DATABASE_URL": set(OURS) - {"entry", "beat", "flower"},
    "PLANSHIFT_BROKER_URL": set(OURS) - {"migrate"},
    "PLANSHIFT_FRONTENDS_BROKER_URL": {"entry"},
    "PLANSHIFT_SECRET_KEY": {"web", "receiver", *WORKING},
    "PLANSHIFT_SMTP_PASSWORD": {"worker-outside", "worker-renewals"},
    "PLANSHIFT_SMTP_USER": {"worker-outside", "worker-renewals"},
    "PLANSHIFT_FLOWER_AUTH": {"flower"},
    "PLANSHIFT_METRICS_KEY": {"web", "receiver"},
    "POSTGRES_PASSWORD": {"postgres"},
    "OWNER_PASSWORD": {"postgres"},
    "APP_PASSWORD": {"postgres"},
    "REDISCLI_AUTH": {"valkey", "frontends-valkey"},
}


BROUGHT = {"PLANSHIFT_DATABASE_URL", "PLANSHIFT_BROKER_URL", "PLANSHIFT_FRONTENDS_BROKER_URL"}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists(name: str) -> None:
    environment = OURS[name]["environment"]
    assert set(environment) <= VARIABLES
    for variable in BROUGHT & set(environment):
        assert urlsplit(re.sub(r"\$\{.*?\}", "x", environment[variable])).hostname in SERVICES


def test_nobody_has_a_secret_that_is_not_needed() -> None:
    for variable, whose in SECRETS.items():
        assert {name for name, service in SERVICES.items() if variable in service["environment"]} == whose, variable
    known = {variable for service in SERVICES.values() for variable in service["environment"]}
    assert {one for one in known if re.search(r"PASSWORD|SECRET|AUTH|KEY|URL$", one)} - set(SECRETS) <= {
        "PLANSHIFT_PUBLIC_URL",
        "PLANSHIFT_DOCUMENT_URL",
    }


def test_only_migrate_is_the_owner_and_nobody_the_superuser() -> None:
    users = {
        name: urlsplit(re.sub(r"\$\{.*?\}", "x", service["environment"]["PLANSHIFT_DATABASE_URL"])).username
        for name, service in OURS.items()
        if "PLANSHIFT_DATABASE_URL" in service["environment"]
    }
    assert users.pop("migrate") == "planshift_owner"
    assert set(users.values()) == {"planshift_app"}
    assert parsed(SERVICES["migrate"]["command"])["application_role"] == "planshift_app"
    script = (ROOT / "deploy/roles.sh").read_text()
    assert {"--set=owner=planshift_owner", "--set=app=planshift_app"} <= set(script.split())
    mounted = {volume.split(":")[0] for volume in SERVICES["postgres"]["volumes"]}
    assert {"./deploy/roles.sh", "./deploy/roles.sql"} <= mounted
    assert os.access(ROOT / "deploy/roles.sh", os.X_OK)


def test_no_secret_has_a_value_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|AUTH$", variable) and variable != "PLANSHIFT_SMTP_PASSWORD":
                assert re.fullmatch(r"\$\{\w+:\?set it in \.env\}", value), variable


def test_the_head_of_the_file_names_every_variable_that_must_be_set() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    head = text[: text.index("x-hardened")]
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


@pytest.mark.parametrize("name", ["valkey", "frontends-valkey"])
def test_the_broker_keeps_its_messages(name: str) -> None:
    command = shlex.join(SERVICES[name]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert SERVICES[name]["volumes"] == [f"{name}:/data"]


def test_the_servers_are_not_reachable_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    # Frontends reach a broker of their own; only what carries their requests over is in both networks.
    assert COMPOSE["networks"]["frontends"] == {"internal": True}
    joined = {name for name, service in SERVICES.items() if "frontends" in service["networks"]}
    assert joined == {"entry", "frontends-valkey"}
    assert SERVICES["frontends-valkey"]["networks"] == ["frontends"]


def test_dependencies_and_volumes_exist() -> None:
    for service in [*SERVICES.values(), PROXY]:
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", [])} - {"./tls"}
        files = {source for source in mounted if source.startswith("./")}
        assert all((ROOT / file).is_file() for file in files)
        assert mounted - files <= set(COMPOSE["volumes"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])


CALLING = {"worker-events", "worker-outside", "worker-renewals"}


def test_only_who_calls_others_has_a_way_out() -> None:
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == CALLING
    # Docker publishes no port of a service that is on internal networks alone.
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == published
    masquerade = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    assert COMPOSE["networks"]["front"] == {"driver_opts": masquerade}
    for name in CALLING:
        queues = parsed(SERVICES[name]["command"])["queues"].split(",")
        assert set(queues) & {"outside", "events", "renewals"}


def megabytes(size: str) -> int:
    return int(size[:-1]) * (1024 if size.endswith("g") else 1)


@pytest.mark.parametrize("service", [*SERVICES.values(), PROXY], ids=[*SERVICES, "proxy"])
def test_a_service_can_take_no_more_than_its_share(service: dict[str, Any]) -> None:
    assert 64 <= megabytes(service["mem_limit"]) <= 4_000
    assert 0 < service["pids_limit"] <= 512
    assert service["logging"] == {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "SYS_ADMIN" not in service.get("cap_add", [])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", WORKING)
def test_a_worker_has_room_for_all_its_children(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANSHIFT_BROKER_URL", "redis://127.0.0.1:1/0")
    child = create_app.__wrapped__().conf.worker_max_memory_per_child / 1000
    assert megabytes(WORKING[name]["mem_limit"]) >= child * parsed(WORKING[name]["command"])["concurrency"]


def test_the_proxy_bounds_what_the_world_sends() -> None:
    text = (ROOT / "deploy/nginx.conf").read_text()
    named = dict(re.findall(r"^ *([a-z_]+) +([^;{]+);", text, re.MULTILINE))
    assert named["client_max_body_size"] == f"{BODY_MAX_BYTES // 1024}k"
    for limit in ("limit_conn", "limit_req", "client_header_timeout", "client_body_timeout", "ssl_protocols"):
        assert limit in named
    assert "X-Forwarded-For $remote_addr" in text  # and not what the caller says
    assert "$proxy_add_x_forwarded_for" not in text
    targets = re.findall(r"set \$to http://(\w+):(\d+); proxy_pass \$to;", text)
    assert {name: int(port) for name, port in targets} == {
        name: parsed(SERVICES[name]["command"])["port"] for name in ("web", "receiver")
    }
    assert float(named["proxy_read_timeout"].removesuffix("s")) > LONGEST_WAIT_SECONDS
    assert re.search(r"location = /metrics \{ return 404; \}", text)
    assert set(PROXY["depends_on"]) == {"web", "receiver"}

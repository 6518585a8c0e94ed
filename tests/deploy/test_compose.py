"""The Compose file: its schema, and what a file that starts on somebody's machine must keep."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from services.cli.client.stack import SERVICES
from tests.deploy.compose_stores import filled
from tests.deploy.known import COMPOSE, DOCKERFILE, needs_tools, settings, unknown_words
from tests.deploy.tools import npm_tool

TEXT = COMPOSE.read_text(encoding="utf-8")
FILE: dict[str, Any] = yaml.load(TEXT, yaml.CSafeLoader)
PARTS: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: part for name, part in PARTS.items() if "build" in part}
RUNNER = ["python", "-m", "services.kernel.runner"]
DAEMONS = {name: part for name, part in OURS.items() if part["command"][:3] == RUNNER}
JOBS = {name: part for name, part in PARTS.items() if part.get("restart") == "no"}


def test_the_file_is_valid_compose() -> None:
    check = Path(sys.executable).parent / "check-jsonschema"
    command = [str(check), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@needs_tools
def test_the_linter_finds_nothing() -> None:
    linter = npm_tool("dclint", "3.1.0")
    command = [str(linter), "--max-warnings", "0", COMPOSE.name]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=COMPOSE.parent)
    assert found.returncode == 0, found.stdout


def test_every_service_runs_from_the_one_image() -> None:
    assert {part["command"][3] for part in DAEMONS.values()} >= set(SERVICES)
    assert {part["image"] for part in OURS.values()} == {PARTS["partners"]["image"]}


@pytest.mark.parametrize("name", PARTS)
def test_the_image_is_pinned_to_a_version(name: str) -> None:
    image = filled(PARTS[name]["image"])
    assert re.search(r":v?\d+\.\d+\.\d+$", image), image


@pytest.mark.parametrize("name", [name for name in PARTS if name not in OURS])
def test_every_image_can_be_fixed_to_a_digest(name: str) -> None:
    image = PARTS[name]["image"]
    short = re.sub(r".*/|:.*", "", filled(image))
    assert image.endswith(f"${{KIENG_{short.upper()}_DIGEST:-}}")


def test_the_base_of_our_image_can_be_fixed_to_a_digest() -> None:
    for part in OURS.values():
        assert part["build"]["args"] == {"PYTHON_DIGEST": "${KIENG_PYTHON_DIGEST:-}"}
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(bases) == 2
    assert all(base.endswith("${PYTHON_DIGEST}") for base in bases)


def test_only_the_process_that_signs_editions_gets_their_key() -> None:
    holders = {
        name
        for name, part in OURS.items()
        if "KIENG_EDITION_KEY_FILE" in part["environment"] or "edition-key:" in str(part)
    }
    # The job makes it.
    assert holders == {"kpi-query", "issuer"}


def test_only_the_service_that_calls_others_gets_the_key_that_signs_its_calls() -> None:
    holders = {
        name
        for name, part in OURS.items()
        if "KIENG_SERVICE_KEY_FILE" in part["environment"] or "service-key:" in str(part)
    }
    assert holders == {"submissions", "issuer"}


def test_every_user_of_kafka_is_one_of_the_table_of_rights_and_has_a_password_alone() -> None:
    jaas = filled(
        PARTS["kafka"]["environment"]["KAFKA_LISTENER_NAME_INSIDE_PLAIN_SASL_JAAS_CONFIG"]
    )
    users = dict(re.findall(r'user_([\w-]+)="([^"]+)"', jaas))
    table = yaml.load((COMPOSE.parent / "kafka" / "acls.yaml").read_text(), yaml.CSafeLoader)[
        "users"
    ]
    assert set(users) == {"kieng-admin", *(f"kieng-{name}" for name in table)}
    assert len(set(users.values())) == len(users), "two users share a password"
    variables = re.findall(r'user_[\w-]+="\$\{(\w+)', TEXT)
    assert len(set(variables)) == len(users)
    for name, part in OURS.items():
        environment = {key: filled(value) for key, value in part["environment"].items()}
        user = environment.get("KIENG_KAFKA_SASL_USERNAME", "")
        if not user:
            assert name == "portal", "it neither reads nor writes topics"
            continue
        assert environment["KIENG_KAFKA_SASL_PASSWORD"] == users[user], name
        assert user == (f"kieng-{name}" if name in DAEMONS else "kieng-admin")


@pytest.mark.parametrize("name", PARTS)
def test_ports_are_on_loopback_and_taken_once(name: str) -> None:
    ports = PARTS[name].get("ports", [])
    every = [port for part in PARTS.values() for port in part.get("ports", [])]
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    outside = [port.split(":")[1] for port in every]
    assert len(outside) == len(set(outside))


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    assert set(OURS[name]["environment"]) <= settings()


def test_every_variable_that_the_file_asks_for_has_a_default() -> None:
    assert re.findall(r"\$\{(?!\w+:?-)", TEXT) == []


@pytest.mark.parametrize("name", [name for name in OURS if name not in DAEMONS])
def test_every_command_exists(name: str) -> None:
    command = [*OURS[name].get("entrypoint", []), *OURS[name]["command"]]
    assert command[0] == "kieng"
    assert unknown_words(command[1:]) == []


@pytest.mark.parametrize("name", OURS)
def test_ours_run_without_rights_on_a_read_only_root(name: str) -> None:
    part = OURS[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["tmpfs"] == ["/tmp"]
    assert "user" not in part, "the image's own user is the one"


@pytest.mark.parametrize("name", PARTS)
def test_nothing_can_gain_rights(name: str) -> None:
    assert PARTS[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", PARTS)
def test_what_stays_up_comes_back_and_says_how_it_is(name: str) -> None:
    part = PARTS[name]
    if name in JOBS:
        assert name == "replica-set" or part["healthcheck"] == {"disable": True}
        return
    assert part["restart"] == "unless-stopped"
    # Ours have the health check of the image.
    assert name in DAEMONS or "healthcheck" in part


@pytest.mark.parametrize("name", PARTS)
def test_it_waits_for_the_right_thing(name: str) -> None:
    for other, how in PARTS[name].get("depends_on", {}).items():
        done = "service_completed_successfully"
        assert how["condition"] == (done if other in JOBS else "service_healthy"), other
        # Else asking for one profile would not start what it waits for.
        assert PARTS[other].get("profiles", []) in ([], PARTS[name].get("profiles", []))


@pytest.mark.parametrize("name", DAEMONS)
def test_services_drain_before_they_are_killed(name: str) -> None:
    assert int(DAEMONS[name]["stop_grace_period"].removesuffix("s")) > 20


def test_every_volume_is_named_and_declared() -> None:
    used = [mount for part in PARTS.values() for mount in part.get("volumes", [])]
    named = {mount.split(":")[0] for mount in used if not mount.startswith(("./", "../"))}
    assert named == set(FILE["volumes"])
    bound = [mount.split(":")[0] for mount in used if mount.startswith(("./", "../"))]
    assert [path for path in bound if not (COMPOSE.parent / path).exists()] == []


def test_private_keys_never_reach_a_service() -> None:
    for name, part in DAEMONS.items():
        assert not [m for m in part["volumes"] if m.startswith("trial-keys")], name


def test_the_certificate_names_every_host_that_is_called() -> None:
    environment = PARTS["partners"]["environment"]
    called = {v.split(":")[0] for k, v in environment.items() if k.endswith("_ADDRESS")}
    assert called <= set(PARTS["certificate"]["command"])


def test_addresses_name_services_of_the_file() -> None:
    environment = PARTS["partners"]["environment"]
    hosts = re.findall(r"([\w-]+):\d+", json.dumps(environment))
    assert set(hosts) <= set(PARTS)


def mounts(name: str) -> dict[str, Path]:
    """Path in the container -> file or folder of the repository."""
    bound = [mount.split(":") for mount in PARTS[name]["volumes"] if mount.startswith(".")]
    return {inside: (COMPOSE.parent / outside).resolve() for outside, inside, _ in bound}


def test_prometheus_finds_its_rules_every_service_and_alertmanager() -> None:
    files = mounts("prometheus")
    config = yaml.load(files["/etc/prometheus/prometheus.yml"].read_text(), yaml.CSafeLoader)
    (pattern,) = config["rule_files"]
    (rules,) = [path for inside, path in files.items() if PurePath(inside).match(pattern)]
    assert yaml.load(rules.read_text(), yaml.CSafeLoader)["groups"]
    ((scrape,),) = [job["dns_sd_configs"] for job in config["scrape_configs"]]
    assert set(scrape["names"]) == set(DAEMONS)
    assert f"127.0.0.1:{scrape['port']}/" in DOCKERFILE.read_text()
    ((target,),) = [
        each["targets"]
        for manager in config["alerting"]["alertmanagers"]
        for each in manager["static_configs"]
    ]
    assert target == "alertmanager:9093"


def test_grafana_finds_its_sources_and_dashboards() -> None:
    files = mounts("grafana")
    folder = files["/etc/grafana/provisioning"]
    sources = yaml.load((folder / "datasources/prometheus.yaml").read_text(), yaml.CSafeLoader)[
        "datasources"
    ]
    hosts = {source["url"].split("/")[2].split(":")[0] for source in sources}
    assert hosts == {"prometheus", "alertmanager"}
    (provider,) = yaml.load((folder / "dashboards/kieng.yaml").read_text(), yaml.CSafeLoader)[
        "providers"
    ]
    assert len(list(files[provider["options"]["path"]].glob("*.json"))) >= 4


def test_both_uses_of_an_image_have_the_same_version() -> None:
    assert PARTS["mongodb"]["image"] == PARTS["replica-set"]["image"]

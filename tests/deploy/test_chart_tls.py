"""TLS in the chart: on unless it is switched off, with the Secrets that are named."""

from __future__ import annotations

import pytest

from tests.deploy.charts import EXAMPLES, deployments, environment, example, merged, pod_of


@pytest.mark.parametrize("name", EXAMPLES)
def test_grpc_is_plain_text_only_where_it_is_wanted(name: str) -> None:
    values = example(name)
    for each in deployments(values).values():
        said = environment(each)
        assert said["KIENG_TLS_CERTIFICATE_FILE"] == "/etc/kieng/tls/tls.crt"
        assert "KIENG_PLAIN_TEXT" not in said
    plain = deployments(
        merged(values, {"tls": {"enabled": False, "existingSecret": "", "mutual": False}})
    )
    for each in plain.values():
        said = environment(each)
        assert said["KIENG_PLAIN_TEXT"] == "true"
        assert not [name for name in said if name.startswith("KIENG_TLS_")]
    ready = pod_of(plain["submissions"])["containers"][0]["readinessProbe"]
    assert ready["grpc"] == {"port": 50051}


def test_mutual_tls_reaches_every_service() -> None:
    for each in deployments(example("many-institutions")).values():
        assert environment(each)["KIENG_TLS_MUTUAL"] == "true"


@pytest.mark.parametrize("name", EXAMPLES)
def test_brokers_and_database_are_reached_by_tls_unless_plain_text_is_said(name: str) -> None:
    values = example(name)
    is_plain = name == "small"
    said = environment(deployments(values)["exporter"])
    for variable in ("KIENG_KAFKA_PLAIN_TEXT", "KIENG_MONGO_PLAIN_TEXT"):
        assert (said.get(variable) == "true") is is_plain, variable
    values["kafka"]["security"] = {"existingSecret": "kieng-kafka"}
    values["mongodb"] = {"existingSecret": "kieng-mongodb"}
    said = environment(deployments(values)["exporter"])
    assert said["KIENG_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    assert [variable for variable in said if variable.endswith("_PLAIN_TEXT")] == []


def test_the_authority_of_the_database_is_a_file_for_all_who_reach_it() -> None:
    for component, each in deployments(example("production")).items():
        mounted = "mongodb/ca.crt" in str(pod_of(each)["volumes"])
        assert mounted is (component != "portal"), component

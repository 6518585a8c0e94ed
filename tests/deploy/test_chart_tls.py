"""TLS of gRPC in the chart: on unless it is switched off, with the Secret that is named."""

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

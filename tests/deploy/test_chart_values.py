"""Wrong values are refused, and the refusal says what to do."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.deploy.charts import EXAMPLES, Values, example, leaves, merged, render
from tests.deploy.known import CHART

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: Values = yaml.load((CHART / "values.yaml").read_text(), yaml.CSafeLoader)
FREE = ("$defs/labels", "$defs/nodeSelector", "/keys")
"""Maps whose keys are the operator's own; their values have a type all the same."""
PASSED_ON = {"nodeAffinity", "podAffinity", "podAntiAffinity", "valueFrom"} | {
    *("namespaceSelector", "podSelector", "ipBlock", "extraVolumes", "extraObjects", "ports"),
}
"""What Kubernetes itself checks, and the chart hands over."""

WRONG: dict[str, tuple[Values, str]] = {
    # Slips of the pen, at every level
    "a key at the top": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "a key of the image": ({"image": {"repo": "kieng"}}, "'/image': additional properties 'repo'"),
    "a key of a service": (
        {"services": {"query": {"replicaCount": 2}}},
        "'/services/query': additional properties 'replicaCount'",
    ),
    "a service that is none": (
        {"services": {"gateway": {"enabled": True}}},
        "'/services': additional properties 'gateway'",
    ),
    "a key three levels down": (
        {"metrics": {"serviceMonitor": {"labels": {"release": "x"}}}},
        "'/metrics/serviceMonitor': additional properties 'labels'",
    ),
    "a kind of limit": (
        {"services": {"query": {"resources": {"limit": {"memory": "1Gi"}}}}},
        "'/services/query/resources': additional properties 'limit'",
    ),
    "both ways of scaling": (
        {"services": {"query": {"autoscaling": {"type": "both"}}}},
        "value must be one of 'none', 'hpa', 'keda'",
    ),
    # Values of the wrong kind
    "an institution in capitals": ({"institutions": ["VNU"]}, "'/institutions/0': 'VNU' does not"),
    "an institution twice": ({"institutions": ["vnu", "vnu"]}, "items at 0 and 1 are equal"),
    "institutions as text": ({"institutions": "vnu,hust"}, "'/institutions': got string, want arr"),
    "brokers without a port": (
        {"kafka": {"bootstrapServers": "kafka"}},
        "'/kafka/bootstrapServers': 'kafka' does not match",
    ),
    "partitions as text": ({"kafka": {"partitions": "4"}}, "'/kafka/partitions': got string, want"),
    "no partition": ({"kafka": {"partitions": 0}}, "'/kafka/partitions': minimum: got 0, want 1"),
    "a protocol that is none": (
        {"kafka": {"security": {"protocol": "TLS"}}},
        "one of 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'",
    ),
    "no replica": (
        {"services": {"query": {"replicas": 0}}},
        "'/services/query/replicas': minimum: got 0, want 1",
    ),
    "memory with a wrong unit": (
        {"services": {"query": {"resources": {"limits": {"memory": "2GB"}}}}},
        "'2GB' does not match",
    ),
    "too little time to stop": (
        {"terminationGracePeriodSeconds": 10},
        "'/terminationGracePeriodSeconds': minimum: got 10, want 30",
    ),
    "the user root": ({"podSecurity": {"runAsUser": 0}}, "'/podSecurity/runAsUser': minimum: got"),
    "rights for everybody": (
        {"podSecurity": {"privileged": True}},
        "'/podSecurity': additional properties 'privileged'",
    ),
    "a digest that is none": ({"image": {"digest": "sha256:1"}}, "'/image/digest': 'sha256:1'"),
    "an interval without unit": (
        {"metrics": {"serviceMonitor": {"interval": "15"}}},
        "'/metrics/serviceMonitor/interval': '15' does not match",
    ),
    "a page without its slash": (
        {"metrics": {"prometheusRule": {"docsUrl": "https://wiki.example.vn"}}},
        "'/metrics/prometheusRule/docsUrl': 'https://wiki.example.vn' does not match",
    ),
    "a private key among the issuers": (
        {
            "issuers": {
                "existingConfigMap": "",
                "table": [
                    {
                        "issuer": "x",
                        "institution_id": "vnu",
                        "algorithms": ["EdDSA"],
                        "keys": {"1": "-----BEGIN PRIVATE KEY-----"},
                    }
                ],
            }
        },
        "does not match pattern '^-----BEGIN PUBLIC KEY-----'",
    ),
    "scaling down at once": (
        {"services": {"query": {"autoscaling": {"scaleDownSeconds": 10}}}},
        "scaleDownSeconds': minimum: got 10, want 300",
    ),
    "a variable with a dash": (
        {"extraEnv": [{"name": "MY-VARIABLE", "value": "1"}]},
        "'/extraEnv/0/name': 'MY-VARIABLE' does not match",
    ),
    # Mistakes between several values
    "a tag that moves": ({"image": {"tag": "latest"}}, "name a version or image.digest"),
    "no brokers": ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers is empty: name"),
    "no database": ({"mongodb": {"existingSecret": ""}}, "mongodb.existingSecret is empty: name a"),
    "an authority for a database in plain text": (
        {"mongodb": {"existingCaSecret": "ca", "plainText": True}},
        "mongodb.plainText is true: leave one of the two out",
    ),
    "nobody's submissions": ({"institutions": []}, "institutions is empty: list the ids"),
    "no issuers": ({"issuers": {"existingConfigMap": ""}}, "issuers: exactly one of"),
    "two tables of issuers": ({"issuers": {"existingSecret": "more"}}, "but 2 are given"),
    "a password for nobody": (
        {"kafka": {"security": {"existingSecret": "kafka"}}},
        "sends no password: choose SASL_SSL, or leave the Secret out",
    ),
    "nobody for a password": (
        {"kafka": {"security": {"protocol": "SASL_SSL"}}},
        "SASL_SSL needs kafka.security.existingSecret",
    ),
    "an authority without TLS": (
        {"kafka": {"security": {"existingCaSecret": "ca"}}},
        "PLAINTEXT has no TLS: choose SASL_SSL or SSL",
    ),
    "no certificate": (
        {"tls": {"existingSecret": ""}},
        "tls.existingSecret is empty: name a Secret",
    ),
    "a certificate without TLS": (
        {"tls": {"enabled": False}},
        "but tls.enabled is false: leave them out",
    ),
    "more aggregators than partitions": (
        {"services": {"aggregator": {"replicas": 2}}},
        "services.aggregator.replicas 2 is more than kafka.partitions 1",
    ),
    "scaling beyond the partitions": (
        {
            "kafka": {"partitions": 4},
            "services": {"aggregator": {"autoscaling": {"type": "keda", "maxReplicas": 5}}},
        },
        "services.aggregator.autoscaling.maxReplicas 5 is more than kafka.partitions 4",
    ),
    "scaling by processor beyond the partitions": (
        {"services": {"notifications": {"autoscaling": {"type": "hpa", "maxReplicas": 2}}}},
        "services.notifications.autoscaling.maxReplicas 2 is more than kafka.partitions 1",
    ),
    "scaling without an end": (
        {"services": {"query": {"autoscaling": {"type": "hpa"}}}},
        "services.query.autoscaling.type hpa needs maxReplicas",
    ),
    "most less than fewest": (
        {
            "services": {
                "query": {"autoscaling": {"type": "hpa", "minReplicas": 4, "maxReplicas": 3}}
            }
        },
        "maxReplicas 3 is less than minReplicas 4",
    ),
    "lag of a service that reads none": (
        {"services": {"query": {"autoscaling": {"type": "keda", "maxReplicas": 3}}}},
        "query consumes nothing: choose hpa",
    ),
    "processor time without a request": (
        {
            "services": {
                "query": {
                    "resources": {"requests": {"cpu": None}},
                    "autoscaling": {"type": "hpa", "maxReplicas": 3},
                }
            }
        },
        "measures against resources.requests.cpu, which is not set",
    ),
    "nobody to ask for units": (
        {"services": {"partners": {"enabled": False}}},
        "set addresses.partners to where another release runs it",
    ),
    "an address of what runs here": (
        {"addresses": {"kpi": "kpi.example.vn:443"}},
        "addresses.kpi is given, but this release runs services.query itself",
    ),
    "a user of mail without a password": ({"mail": {"user": "kieng"}}, "mail.user needs mail."),
    "two exporters": (
        {"services": {"exporter": {"replicas": 2}}},
        "services.exporter runs once: two would tell every figure twice",
    ),
}


def refusal(values: Values) -> str:
    try:
        render(values)
    except (helm.HelmValuesError, helm.HelmRenderError) as error:
        return str(error)
    return ""


def test_there_are_at_least_thirty_of_them() -> None:
    assert len(WRONG) >= 30


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_and_the_message_helps(name: str) -> None:
    changes, words = WRONG[name]
    assert words in refusal(merged(example("small"), changes))


def test_providers_of_sign_in_need_an_address_to_send_browsers_back_to() -> None:
    own = {"portal": {"signIn": {"existingSecret": "providers"}}}
    assert "portal.signIn needs publicUrl" in refusal(merged(example("small"), own))


def test_all_mistakes_are_told_at_once() -> None:
    several = {"institutions": [], "mongodb": {"existingSecret": ""}, "mail": {"user": "kieng"}}
    assert refusal(merged(example("small"), several)).count("\n  - ") == 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_right(name: str) -> None:
    assert refusal(example(name)) == ""


OWN_KEYS = [path for path in leaves(DEFAULTS) if path[-1] != "grafana_dashboard"]
"""Every documented key that is the chart's own, not a label."""


SLIPS = re.compile(r"at '(.*)': additional properties (.*) not allowed")


@pytest.mark.parametrize("depth", sorted({len(path) for path in OWN_KEYS}))
def test_every_documented_key_with_a_slip_is_refused(depth: int) -> None:
    """All keys of a depth at once: Helm tells each of them, with its place."""
    slips = [path for path in OWN_KEYS if len(path) == depth]
    values = copy.deepcopy(DEFAULTS)
    for path in slips:
        place = values
        for key in path[:-1]:
            place = place[key]
        place[f"{path[-1]}s"] = place.pop(path[-1])
    told = {
        (*where.split("/")[1:], name)
        for where, names in SLIPS.findall(refusal(values))
        for name in re.findall("'([^']*)'", names)
    }
    assert told == {(*path[:-1], f"{path[-1]}s") for path in slips}


def maps(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place of the schema that describes a map."""
    if isinstance(node, dict):
        kind = node.get("type")
        if kind == "object" or (isinstance(kind, list) and "object" in kind):
            yield path, node
        for key, child in node.items():
            yield from maps(child, f"{path}/{key}")


def test_unknown_keys_are_refused_at_every_level() -> None:
    loose = [
        path
        for path, node in maps(SCHEMA)
        if node.get("additionalProperties") is not False
        and not path.endswith(FREE)
        and not PASSED_ON & set(path.split("/"))
    ]
    assert loose == []
    assert sum(node.get("additionalProperties") is False for _, node in maps(SCHEMA)) >= 35


def test_every_default_stands_in_the_schema_with_a_meaning() -> None:
    """Together with the strictness above: schema and values.yaml name the same keys."""
    missing = []
    for path, node in maps(SCHEMA):
        for name, child in node.get("properties", {}).items():
            if (
                not path.startswith("/$defs/")
                and "items" not in path
                and not child.get("description")
            ):
                missing.append(f"{path}/{name}")
    assert missing == []
    assert set(SCHEMA["properties"]) == set(DEFAULTS)

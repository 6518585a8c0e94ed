"""The chart, rendered: what objects come of which values."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python as helm
import yaml

from tests.deploy.known import CHART

Values = dict[str, Any]
Object = dict[str, Any]

EXAMPLES = ("small", "production", "many-institutions")
WORKLOADS = ("Deployment", "Job", "Pod")


@cache
def chart() -> helm.Chart:
    return helm.Chart.load(CHART)


def example(name: str, **changes: Any) -> Values:
    """The values of a file in ci/, changed; `a__b=1` sets a.b."""
    values: Values = yaml.load((CHART / "ci" / f"{name}-values.yaml").read_text(), yaml.CSafeLoader)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = values
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return values


def merged(below: Values, above: Values) -> Values:
    """Values over values, maps merged."""
    result = copy.deepcopy(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def render(values: Values) -> dict[str, str]:
    """Template -> text; the schema is checked first, as Helm does."""
    return chart().render(values, name="trial", namespace="kieng")


@cache
def _parsed(values: str) -> tuple[Object, ...]:
    rendered = render(json.loads(values))
    texts = [text for path, text in rendered.items() if not path.endswith("NOTES.txt")]
    return tuple(each for text in texts for each in yaml.load_all(text, yaml.CSafeLoader) if each)


def notes(values: Values) -> str:
    return next(text for path, text in render(values).items() if path.endswith("NOTES.txt"))


def objects(values: Values) -> list[Object]:
    """Every object, hooks and tests included."""
    return copy.deepcopy(list(_parsed(json.dumps(values))))


def of_kind(values: Values, *kinds: str) -> list[Object]:
    return [each for each in objects(values) if each["kind"] in kinds]


def name_of(each: Object) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"


def pod_of(each: Object) -> Object:
    """The pod's spec of a Deployment, Job or Pod."""
    spec: Object = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
    return spec


def deployments(values: Values) -> dict[str, Object]:
    """Name of the service -> its Deployment."""
    found = of_kind(values, "Deployment")
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in found}


def environment(each: Object) -> dict[str, Any]:
    """Variable -> value, or where it comes from."""
    (container,) = pod_of(each)["containers"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key, maps before what is in them."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key)
            yield from leaves(value, (*path, key))

"""Reads the metrics that a process exports on its HTTP port."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Scrape:
    """The metrics of one process at one moment.

    ``samples`` maps the name of a metric to its samples; it is empty if the process did not answer.
    """

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """Yield the samples of a metric that have at least these labels; none if it is unknown."""
        for sample in self.samples.get(name, ()):
            if labels.items() <= sample.labels.items():
                yield sample

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric with these labels; 0 if there are none."""
        return float(sum(sample.value for sample in self.of(name, **labels)))

    def highest(self, name: str, **labels: str) -> float | None:
        """Return the highest sample of a metric with these labels; None if there are none."""
        return max((float(sample.value) for sample in self.of(name, **labels)), default=None)


def scrape(address: str) -> Scrape:
    """Return the metrics of the process at `host:port`; no samples if it does not answer.

    There are no samples either if the process is killed while it answers, or if another program
    listens at this address.
    """
    try:
        url = f"http://{address}/metrics"
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            return parse(answer.read().decode(errors="replace"))
    except (OSError, HTTPException, ValueError):
        return Scrape()


def parse(text: str) -> Scrape:
    """Return the samples in a text in the Prometheus text format.

    Raises:
        ValueError: the text is not in this format.
    """
    samples: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    return Scrape(samples)

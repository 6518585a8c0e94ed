"""Settings that every service has, read once at start from environment variables `KIENG_...`."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.access import audience_of
from services.kernel.plain_text import why_unsafe
from services.kernel.service_tokens import read_service_key

METADATA_AGE_MS = 10_000
"""Age at which Kafka clients refresh their metadata, so that by then all know new partitions.

`kieng log repartition` waits for this long.
"""


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone!r}; write e.g. Asia/Ho_Chi_Minh") from None
    return zone


ZoneName = Annotated[str, AfterValidator(_known)]
"""Name of a time zone of the IANA database; any other text is a mistake in the settings."""


class KernelSettings(BaseSettings, env_file_encoding="utf-8-sig"):
    """Settings of the kernel, immutable. A service inherits from this class and adds its own."""

    model_config = SettingsConfigDict(env_prefix="KIENG_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Address on which gRPC, metrics and health listen."""
    grpc_port: int = 0
    """TCP port of gRPC; 0 chooses a free one."""
    http_port: int = 0
    """TCP port of metrics and health; 0 chooses a free one."""
    grpc_workers: int = 32
    """Number of threads that answer unary calls; each stream has a thread of its own."""
    grpc_weights: dict[str, float] = {}
    """Institution id -> weight in the fair queues for worker threads, as JSON; 1 if not listed."""
    grpc_calls_per_principal: int = 64
    """Maximum number of calls that one caller may have waiting or running at once."""
    grpc_calls_per_institution: int = 128
    """Maximum number of calls that one institution may have waiting or running at once."""
    grpc_streams: int = 256
    """Maximum number of streams open at once in this process; each occupies a thread."""
    grpc_streams_per_principal: int = 8
    """Maximum number of streams that one caller may have open at once."""
    grpc_streams_per_institution: int = 32
    """Maximum number of streams that an institution's callers may have open at once."""
    grpc_message_seconds: float = 10.0
    """Time within which the first message of a call has to arrive."""
    grpc_idle_seconds: float = 60.0
    """Time within which each further message of a client stream has to arrive."""
    tls_certificate_file: Path | None = None
    """Certificate chain that gRPC presents, PEM; if unset, gRPC serves plain text."""
    tls_key_file: Path | None = None
    """Private key of that certificate, PEM without password. Changed TLS files are re-read."""
    tls_authority_file: Path | None = None
    """Authorities whose certificates gRPC accepts, PEM; if unset, outgoing calls are plain text."""
    tls_mutual: bool = False
    """Whether every caller of gRPC must present a certificate of those authorities."""
    plain_text: bool = False
    """Whether gRPC may be plain text beyond loopback, e.g. within a mesh that encrypts."""
    reflection: bool = True
    """Whether gRPC reflection, which lists the services to every caller, is served."""
    kafka_bootstrap: str = "127.0.0.1:9092"
    """Kafka brokers, `host:port` separated by commas."""
    kafka_membership: Literal["group", "sole"] = "group"
    """How a consumer gets partitions: `group` has its group assign them, `sole` takes all."""
    kafka_fetch_wait_ms: int = 100
    """Maximum time for which the broker delays an empty fetch response."""
    bell_folder: Path | None = None
    """Folder by which the processes of one machine wake each other, and know who calls the others;
    if unset, they look often, and limit institutions by their own callers only.
    """
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Security protocol between Kafka clients and brokers."""
    kafka_plain_text: bool = False
    """Whether brokers beyond loopback may be reached without TLS, where something else encrypts."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """SASL mechanism of Kafka clients; used only if the security protocol uses SASL."""
    kafka_sasl_username: str = ""
    """SASL user name of Kafka clients."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """SASL password of Kafka clients."""
    kafka_ssl_cafile: str | None = None
    """File with the CA certificates of the brokers, PEM; if unset, the system's are used."""
    kafka_ssl_certfile: str | None = None
    """File with the certificate to present to brokers that request one, PEM."""
    kafka_ssl_keyfile: str | None = None
    """File with the private key of that certificate, PEM without password."""
    mongo_uri: str = "mongodb://127.0.0.1:27017"
    """Connection string of the MongoDB replica set."""
    mongo_plain_text: bool = False
    """Whether a database beyond loopback may be reached without verified TLS, as above."""
    mongo_timeout_ms: int = 5000
    """Maximum wait for a database server, and for all database operations of one unary call."""
    issuers_file: Path = Path("issuers.json")
    """File with the table of token issuers, see `kernel.access`; read again when it changes."""
    audiences: str = "none"
    """Token audiences accepted besides `kieng.SERVICE`, separated by commas; `none` adds none."""
    service_key: SecretStr = SecretStr("")
    """Private key that signs calls to other services, Ed25519, PEM; if empty, none are signed."""
    stall_seconds: float = 180.0
    """Time that a consumer's loop may hang before `/healthz` fails; must exceed any outage."""
    log_format: Literal["json", "text"] = "json"
    """Format of log lines: JSON, or plain text for people."""
    otlp_endpoint: str = ""
    """Collector for traces by OTLP/HTTP, e.g. `http://collector:4318`; if empty, none are sent."""

    @field_validator("service_key")
    @classmethod
    def _is_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value():
            read_service_key(key.get_secret_value())
        return key

    @field_validator("kafka_plain_text", "mongo_plain_text")
    @classmethod
    def _is_plain_text_where_it_may_be(cls, allowed: bool, info: ValidationInfo) -> bool:
        if not allowed and (found := why_unsafe(str(info.field_name), info.data)):
            raise ValueError(found)
        return allowed

    def accepted_audiences(self, service: str) -> list[str]:
        """Return the audiences of tokens that a service accepts, its own first, without duplicates.

        By default this is `kieng.NAME` only; the setting ``audiences`` adds others.

        Args:
            service: nameko name of the service.
        """
        others = [name.strip() for name in self.audiences.split(",")]
        named = [name for name in others if name not in ("", "none")]
        return list(dict.fromkeys([audience_of(service), *named]))

    def kafka_options(self) -> dict[str, Any]:
        """Return the options of all Kafka clients, as keyword arguments of kafka-python.

        Raises:
            KafkaConnectionError: no broker listens at any of the addresses.
        """
        from services.kernel.brokers import reachable

        return {
            "bootstrap_servers": reachable(self.kafka_bootstrap),
            "bootstrap_timeout_ms": 5000,
            "metadata_max_age_ms": METADATA_AGE_MS,
            "security_protocol": self.kafka_security_protocol,
            "ssl_cafile": self.kafka_ssl_cafile,
            "ssl_certfile": self.kafka_ssl_certfile,
            "ssl_keyfile": self.kafka_ssl_keyfile,
            "sasl_mechanism": self.kafka_sasl_mechanism,
            "sasl_plain_username": self.kafka_sasl_username,
            "sasl_plain_password": self.kafka_sasl_password.get_secret_value(),
        }

    def producer_options(self) -> dict[str, Any]:
        """Return the options of Kafka producers; their writes are acknowledged by all replicas.

        Raises:
            KafkaConnectionError: no broker listens at any of the addresses.
        """
        # All replicas acknowledge and nothing is written twice: kafka-python's own defaults.
        limits = {"max_block_ms": 5000, "delivery_timeout_ms": 9000, "request_timeout_ms": 5000}
        # Few large batches cost broker and consumers less than many small ones. Who publishes
        # flushes, so that nothing waits for more.
        return {**self.kafka_options(), **limits, "linger_ms": 50, "batch_size": 256 * 1024}

    def consumer_options(self, group: str, has_positions: bool) -> dict[str, Any]:
        """Return the options of a Kafka consumer, as keyword arguments of kafka-python.

        Args:
            group: consumer group.
            has_positions: whether the consumer's positions are stored elsewhere than in Kafka. If
                so, a position outside the log is an error; if not, a new group reads from the start
                of the log.

        Raises:
            KafkaConnectionError: no broker listens at any of the addresses.
        """
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

        beat = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 2000}
        return {
            **self.kafka_options(),
            **beat,
            "group_id": group,
            # A new group reads everything, but a stored position outside the log is an error.
            "auto_offset_reset": "none" if has_positions else "earliest",
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "allow_auto_create_topics": False,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "fetch_max_wait_ms": self.kafka_fetch_wait_ms,
        }


S = TypeVar("S", bound=KernelSettings)


def load(settings: type[S]) -> S:
    """Return the settings from the environment; on mistakes, list all of them and exit with code 2.

    Args:
        settings: settings class of the service.

    Raises:
        SystemExit: a setting is missing or wrong; each mistake was written to standard error.
    """
    loaded, mistakes = read(settings)
    if loaded is None:
        give_up(mistakes)
    return loaded


def give_up(mistakes: list[str]) -> NoReturn:
    """Write mistakes in the settings to standard error and exit with code 2.

    Args:
        mistakes: one line for each mistake.

    Raises:
        SystemExit: always.
    """
    print("The configuration is wrong:", *mistakes, sep="\n  ", file=sys.stderr)
    raise SystemExit(2)


def read(settings: type[S]) -> tuple[S | None, list[str]]:
    """Return the settings from the environment and all mistakes in them, one line each.

    If there are mistakes, the settings are None. Environment variables override the file that
    KIENG_CONFIG_FILE names (lines `KIENG_NAME=value`). KIENG_NAME_FILE names a file whose whole
    content is the value, e.g. a mounted secret.
    """
    secrets, file = dict[str, Any](), os.environ.get("KIENG_CONFIG_FILE")
    content, wrong_file = _content(file) if file else ("", "")
    mistakes = [f"KIENG_CONFIG_FILE: {wrong_file}"] if wrong_file else []
    said = {**dotenv_values(stream=StringIO(content)), **os.environ}
    for name in settings.model_fields:
        path = said.get(variable := f"KIENG_{name}_FILE".upper())
        if path and f"{name}_file" not in settings.model_fields:
            secrets[name], problem = _content(path)
            # An empty value would silently select the default: no key or no password.
            problem = problem or ("" if secrets[name] else f"{path} is empty")
            mistakes += [f"{variable}: {problem}"] if problem else []
    try:
        loaded = settings(_env_file=None if wrong_file else file, **secrets)
    except ValidationError as error:
        for wrong in error.errors(include_input=False):
            variable = f"KIENG_{'_'.join(map(str, wrong['loc'])).upper()}"
            if {*wrong["loc"]} & secrets.keys():
                variable = f"{variable}_FILE: {said[f'{variable}_FILE']}"
            mistakes.append(f"{variable}: {wrong['msg'].removeprefix('Value error, ')}")
    return (None if mistakes else loaded), mistakes


def _content(path: str) -> tuple[str, str]:
    """Return the text in a file without blanks around it, and what is wrong with the file.

    The text may begin with the mark that Windows puts in front of UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip(), ""
    except (OSError, UnicodeDecodeError) as error:
        return "", f"{path}: {getattr(error, 'strerror', 'is not text in UTF-8')}"

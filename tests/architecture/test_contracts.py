"""What the contracts owe to those who build on them, beyond what buf asks."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).parents[2] / "protos"
SERVICE, METHOD = 6, 2
"""Numbers of FileDescriptorProto.service and ServiceDescriptorProto.method, in a comment's path."""


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """Our own files, compiled now, with their comments."""
    spec = importlib.util.spec_from_file_location("generate", PROTOS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    image = tmp_path_factory.mktemp("image") / "protos.binpb"
    generate.write_image(image, comments=True)
    return ours(image)


def ours(image: Path) -> list[FileDescriptorProto]:
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    return [file for file in files if file.package.startswith("kieng.")]


def names(file: FileDescriptorProto) -> Iterator[str]:
    """Yield every RPC, and every field and value at any depth."""
    for service in file.service:
        yield from (f"{file.package}.{service.name}.{method.name}" for method in service.method)
    for message in file.message_type:
        yield from _inside(message, f"{file.package}.{message.name}")
    for enum in file.enum_type:
        yield from (f"{file.package}.{enum.name}.{value.name}" for value in enum.value)


def _inside(message: DescriptorProto, name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}.{field.name}" for field in message.field)
    for nested in message.nested_type:
        yield from _inside(nested, f"{name}.{nested.name}")
    for enum in message.enum_type:
        yield from (f"{name}.{enum.name}.{value.name}" for value in enum.value)


def rpcs_without_errors(file: FileDescriptorProto) -> Iterator[str]:
    comments = {
        tuple(place.path): place.leading_comments for place in file.source_code_info.location
    }
    for number, service in enumerate(file.service):
        for position, method in enumerate(service.method):
            if "Errors" not in comments.get((SERVICE, number, METHOD, position), ""):
                yield f"{service.name}.{method.name}"


def test_the_baseline_holds_everything_that_is_there(contracts: list[FileDescriptorProto]) -> None:
    known = {name for file in ours(PROTOS / "baseline.binpb") for name in names(file)}
    now = {name for file in contracts for name in names(file)}
    assert now - known == set(), "nothing guards these against a break: make proto-baseline"


def test_every_rpc_names_its_errors(contracts: list[FileDescriptorProto]) -> None:
    assert [rpc for file in contracts for rpc in rpcs_without_errors(file)] == []


def test_an_rpc_without_errors_is_noticed(contracts: list[FileDescriptorProto]) -> None:
    silent = FileDescriptorProto()
    silent.CopyFrom(next(file for file in contracts if file.service))
    silent.ClearField("source_code_info")
    assert len(list(rpcs_without_errors(silent))) == sum(len(s.method) for s in silent.service)

"""Every text that an RPC takes in, found in the contracts themselves."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

import kieng

Path = tuple[FieldDescriptor, ...]


def methods() -> Iterator[MethodDescriptor]:
    """Yield every RPC of every contract."""
    for module in pkgutil.walk_packages(kieng.__path__, "kieng."):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(module.name).DESCRIPTOR
            for service in file.services_by_name.values():
                yield from service.methods


def requests() -> list[Descriptor]:
    """Return the request messages of all RPCs."""
    found = {method.input_type.full_name: method.input_type for method in methods()}
    return [found[name] for name in sorted(found)]


def texts(descriptor: Descriptor, above: Path = ()) -> Iterator[Path]:
    """Yield the path to every string field of a message, at any depth."""
    for field in descriptor.fields:
        path = (*above, field)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield path
        elif field.message_type is not None and field.message_type not in _messages(above):
            yield from texts(field.message_type, path)


def _messages(path: Path) -> list[Descriptor | None]:
    return [field.message_type for field in path]


def holding(descriptor: Descriptor, path: Path, text: str) -> Message:
    """Return a message whose field at a path holds a text; everything else is unset."""
    message = message_factory.GetMessageClass(descriptor)()
    inner: Any = message
    for field in path:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(inner, field.name)[text] = 1
            break
        value = getattr(inner, field.name)
        if field.is_repeated:
            if field.message_type is None:
                value.append(text)
            else:
                inner = value.add()
        elif field.message_type is None:
            setattr(inner, field.name, text)
        else:
            value.SetInParent()
            inner = value
    return message


def named(path: Path) -> str:
    """Return a path as text, e.g. `content.facts.publication.doi`."""
    return ".".join(field.name for field in path)

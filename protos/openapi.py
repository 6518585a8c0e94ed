"""Writes the OpenAPI 3.1 document of HTTP/JSON (the Connect protocol) from the compiled contracts.

`protos/generate.py` runs it, so the document is committed and checked with the generated code.
Comments become descriptions, rules of `buf.validate` the limits of fields.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

OWN = "kieng."
# Answered by two processes, for what each of them keeps: HTTP/JSON could not say which is meant.
LEFT_OUT = ("kieng.proposals.v1.ProposalService",)
F = FieldDescriptorProto
INTEGERS = (F.TYPE_INT32, F.TYPE_UINT32, F.TYPE_SINT32, F.TYPE_FIXED32, F.TYPE_SFIXED32)
LONG = (F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64)
SCALARS: dict[int, dict[str, Any]] = {
    F.TYPE_STRING: {"type": "string"},
    F.TYPE_BOOL: {"type": "boolean"},
    F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    F.TYPE_DOUBLE: {"type": "number"},
    F.TYPE_FLOAT: {"type": "number"},
    **{kind: {"type": "integer", "format": "int32"} for kind in INTEGERS},
    # Written as text, since JavaScript has no integers of 64 bits; read as either.
    **{kind: {"type": ["string", "integer"], "format": "int64"} for kind in LONG},
}
WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string"},
    "google.protobuf.Any": {"type": "object"},
}
ERROR = {
    "type": "object",
    "description": "An error, as Connect sends it: what gRPC answers, in JSON.",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "description": "Status, e.g. `not_found`."},
        "message": {"type": "string", "description": "What is wrong and how to mend it."},
        "details": {
            "type": "array",
            "description": "Messages of google.rpc: reason, wrong fields, time to wait.",
            "items": {
                "type": "object",
                "properties": {"type": {"type": "string"}, "value": {"type": "string"}},
            },
        },
    },
}
STREAM = (
    "\n\nA stream: messages are enveloped as Connect defines it (one byte of flags, four of "
    "length, JSON). Use a client of Connect or gRPC."
)


class Comments:
    """The comments of one file, by the path of what they describe."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._texts = {
            tuple(each.path): each.leading_comments or each.trailing_comments
            for each in file.source_code_info.location
        }

    def at(self, *path: int) -> str:
        """Return a comment as one text; empty if there is none."""
        lines = (line.strip() for line in self._texts.get(path, "").strip().splitlines())
        return " ".join(lines).replace("  ", "\n\n")


def write(image: Path, target: Path, generated: Path) -> None:
    """Write the document of a descriptor set with comments to a file.

    Args:
        image: all contracts and what they import.
        target: the file.
        generated: folder of the generated code, which knows the rules of `buf.validate`.
    """
    sys.path.insert(0, str(generated))
    importlib.import_module("buf.validate.validate_pb2")
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    target.write_text(json.dumps(document(files), indent=1, ensure_ascii=False) + "\n")


def document(files: Any) -> dict[str, Any]:
    """Return the document of all files."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    tags = []
    for file in files:
        comments = Comments(file)
        if file.package.startswith(OWN) or file.package == "google.rpc":
            schemas |= dict(_schemas(file, comments))
        for at, service in enumerate(file.service):
            name = f"{file.package}.{service.name}"
            if name not in LEFT_OUT:
                tags.append({"name": name, "description": comments.at(6, at)})
                paths |= dict(_paths(name, service, comments, at))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kiềng",
            "version": "v1",
            "description": "The gRPC contracts over HTTP with JSON, by the Connect protocol. "
            "Fields with their default are left out of answers.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"token": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted({**schemas, "connect.Error": ERROR}.items())),
        },
    }


def _paths(
    name: str, service: ServiceDescriptorProto, comments: Comments, at: int
) -> Iterator[tuple[str, Any]]:
    for number, method in enumerate(service.method):
        text = comments.at(6, at, 2, number)
        yield f"/{name}/{method.name}", {"post": _operation(name, method, text)}


def _operation(service: str, method: MethodDescriptorProto, text: str) -> dict[str, Any]:
    is_stream = method.client_streaming or method.server_streaming
    kind = "application/connect+json" if is_stream else "application/json"
    return {
        "operationId": f"{service}.{method.name}",
        "tags": [service],
        "description": text + (STREAM if is_stream else ""),
        "requestBody": {"required": True, "content": {kind: {"schema": _ref(method.input_type)}}},
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {kind: {"schema": _ref(method.output_type)}},
            },
            "default": {
                "description": "What was refused: 400, 401, 403, 404, 409, 429, 503.",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/connect.Error"}}
                },
            },
        },
    }


def _ref(type_name: str) -> dict[str, Any]:
    name = type_name.removeprefix(".")
    return WELL_KNOWN.get(name) or {"$ref": f"#/components/schemas/{name}"}


def _schemas(file: FileDescriptorProto, comments: Comments) -> Iterator[tuple[str, Any]]:
    for at, message in enumerate(file.message_type):
        yield from _message(f"{file.package}.{message.name}", message, comments, (4, at))
    for at, enum in enumerate(file.enum_type):
        yield f"{file.package}.{enum.name}", _enum(enum, comments, (5, at))


def _message(
    name: str, message: DescriptorProto, comments: Comments, path: tuple[int, ...]
) -> Iterator[tuple[str, Any]]:
    entries = {
        f".{name}.{each.name}": each for each in message.nested_type if each.options.map_entry
    }
    properties, required = {}, []
    for at, field in enumerate(message.field):
        schema = _field(field, entries)
        if text := comments.at(*path, 2, at):
            schema = {**schema, "description": text}
        properties[field.json_name] = schema
        if _rules(field) is not None and _rules(field).required:
            required.append(field.json_name)
    schema = {"type": "object", "properties": properties}
    texts = [comments.at(*path), *_choices(message)]
    schema |= {"description": "\n\n".join(filter(None, texts))} if any(texts) else {}
    yield name, schema | ({"required": required} if required else {})
    for at, inner in enumerate(message.nested_type):
        if not inner.options.map_entry:
            yield from _message(f"{name}.{inner.name}", inner, comments, (*path, 3, at))
    for at, enum in enumerate(message.enum_type):
        yield f"{name}.{enum.name}", _enum(enum, comments, (*path, 4, at))


def _choices(message: DescriptorProto) -> Iterator[str]:
    for at, choice in enumerate(message.oneof_decl):
        fields = [
            field.json_name
            for field in message.field
            if field.HasField("oneof_index") and field.oneof_index == at
        ]
        if not choice.name.startswith("_"):
            yield f"At most one of: {', '.join(fields)}."


def _enum(enum: EnumDescriptorProto, comments: Comments, path: tuple[int, ...]) -> dict[str, Any]:
    values = [
        f"- `{value.name}`: {comments.at(*path, 2, at)}" for at, value in enumerate(enum.value)
    ]
    text = "\n".join([comments.at(*path), "", *values]).strip()
    return {"type": "string", "enum": [value.name for value in enum.value], "description": text}


def _field(field: F, entries: dict[str, DescriptorProto]) -> dict[str, Any]:
    if entry := entries.get(field.type_name):
        return {"type": "object", "additionalProperties": _single(entry.field[1])}
    if field.label != F.LABEL_REPEATED:
        return _single(field) | _limits(field, _rules(field))
    rules = _rules(field)
    items = _single(field)
    limits: dict[str, Any] = {}
    if rules is not None and rules.HasField("repeated"):
        items = items | _limits(field, rules.repeated.items)
        limits = _present(
            rules.repeated,
            {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"},
        )
    return {"type": "array", "items": items} | limits


def _single(field: F) -> dict[str, Any]:
    if field.type in (F.TYPE_MESSAGE, F.TYPE_ENUM):
        return dict(_ref(field.type_name))
    return dict(SCALARS[field.type])


def _rules(field: F) -> Any:
    rules = sys.modules["buf.validate.validate_pb2"].field
    return field.options.Extensions[rules] if field.options.HasExtension(rules) else None


def _limits(field: F, rules: Any) -> dict[str, Any]:
    """Return the limits that JSON Schema can say, too; integers of 64 bits may be texts."""
    if rules is None:
        return {}
    if field.type == F.TYPE_STRING:
        names = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
        format_ = {"format": "uuid"} if rules.string.uuid else {}
        return _present(rules.string, names) | format_
    if field.type in (F.TYPE_INT32, F.TYPE_UINT32):
        kind = rules.int32 if field.type == F.TYPE_INT32 else rules.uint32
        return _present(kind, {"gte": "minimum", "lte": "maximum"})
    return {}


def _present(rules: Any, names: dict[str, str]) -> dict[str, Any]:
    return {out: getattr(rules, name) for name, out in names.items() if rules.HasField(name)}

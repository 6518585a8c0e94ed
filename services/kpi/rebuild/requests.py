"""What the subprocesses of a rebuild are asked for: partitions of a view, up to offsets."""

from __future__ import annotations

from collections.abc import Mapping

from services.kpi.process import Message


def encode_request(view_id: str, ends: Mapping[int, int]) -> Message:
    """Return the request.

    Args:
        view_id: view that is built.
        ends: partition -> offset up to which something is done.
    """
    places = {str(partition): end for partition, end in ends.items()}
    return Message({"view_id": view_id, "ends": places})


def decode_request(request: Message) -> tuple[str, dict[int, int]]:
    """Return the view's id, and partition -> offset."""
    ends = {int(partition): end for partition, end in request.fields["ends"].items()}
    return request.fields["view_id"], ends

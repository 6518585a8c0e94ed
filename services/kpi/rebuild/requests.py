"""The request to a subprocess of a rebuild: a view, and the offset to reach in each partition."""

from __future__ import annotations

from collections.abc import Mapping

from services.kpi.process import Message


def encode_request(view_id: str, ends: Mapping[int, int]) -> Message:
    """Return the message that asks a subprocess to bring a view up to offsets, or to check it.

    Args:
        view_id: id of the view that is being built.
        ends: partition -> offset before which to stop.
    """
    places = {str(partition): end for partition, end in ends.items()}
    return Message({"view_id": view_id, "ends": places})


def decode_request(request: Message) -> tuple[str, dict[int, int]]:
    """Return what `encode_request` encoded: view id, and partition -> end offset."""
    ends = {int(partition): end for partition, end in request.fields["ends"].items()}
    return request.fields["view_id"], ends

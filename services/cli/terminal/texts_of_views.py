"""Texts of the commands that publish catalogues; `texts.TEXTS` holds them with all others."""

from __future__ import annotations

# Key -> Vietnamese, English. Both name the same values.
VIEWS: dict[str, tuple[str, str]] = {
    "phase.unspecified": ("chờ phát lại", "waits for the log"),
    "phase.loading": ("đọc nhật ký", "reading the log"),
    "phase.verifying": ("đối chiếu với SQL", "comparing with SQL"),
    "phase.following": ("theo kịp", "catching up"),
    "publish.begun": (
        "bộ chỉ số bản {version}: đang dựng khung nhìn {view} bên cạnh khung nhìn đang dùng",
        "catalogue version {version}: building view {view} beside the one that answers",
    ),
    "publish.live": (
        "{view} đang trả lời: {events} sự kiện, {parked} bản ghi để riêng",
        "{view} answers now: {events} events, {parked} records set aside",
    ),
    "publish.refused": (
        "{view} bị từ chối, khung nhìn cũ vẫn trả lời: {reason}",
        "{view} is refused, the former view still answers: {reason}",
    ),
    "up.kept": (
        "bộ chỉ số bản {version} đang dùng; đổi bằng `kieng catalogue publish`",
        "catalogue version {version} answers; `kieng catalogue publish` changes it",
    ),
    "what_if.same": ("không con số nào đổi", "no number would change"),
    "what_if.totals": (
        "{wins} chỉ số tăng, {loses} giảm, {changes} khác",
        "wins {wins}, loses {loses}, others {changes}",
    ),
    "what_if.title": (
        "{first} đến {last}, {measure}: {changes} con số đổi; bản ghi để riêng {before} -> {after}",
        "{first} to {last}, {measure}: {changes} numbers change; set aside {before} -> {after}",
    ),
    "reorganisation.moved": (
        "đơn vị đã nhập vào: {units}; {works} công trình",
        "units that stand below it now: {units}; {works} works",
    ),
    "heading.as_is": ("Cây hiện nay", "As it is"),
    "heading.as_was": ("Cây khi đó", "As it was"),
    "heading.change": ("Biến động", "Change"),
    "heading.real_change": ("Thực chất", "Real"),
    "heading.reorganisation": ("Do sắp xếp", "Reorganisation"),
    "heading.after": ("Sau", "After"),
    "heading.before": ("Trước", "Before"),
    "heading.difference": ("Chênh lệch", "Difference"),
    "heading.works": ("Công trình", "Works"),
    "view.building": ("đang dựng", "being built"),
    "view.live": ("đang trả lời", "answers"),
    "view.retired": ("giữ lại", "kept"),
    "view.removed": ("đã xóa", "removed"),
    "view.refused": ("bị từ chối", "refused"),
    "heading.catalogue": ("Bộ chỉ số", "Catalogue"),
    "heading.events": ("Sự kiện", "Events"),
    "heading.parked": ("Để riêng", "Set aside"),
    "heading.view_id": ("Khung nhìn", "View"),
}

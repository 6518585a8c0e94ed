import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

from PIL import Image, ImageColor

from services.cli.documents.drawing import TARGET, draw
from services.cli.documents.png import SCALE, png_bytes
from services.cli.documents.svg import svg_bytes
from tests.unit.cli.documents.plots import UNIT, plot


def test_the_same_plot_has_the_same_bytes() -> None:
    assert png_bytes(plot()) == png_bytes(plot())
    assert svg_bytes(plot(), "vi") == svg_bytes(plot(), "vi")


def test_svg_is_well_formed_and_its_texts_are_texts() -> None:
    root = ElementTree.fromstring(svg_bytes(plot(), "vi"))
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {UNIT, "KNW-01 Sáng chế", "chỉ tiêu năm"} <= texts
    assert root.get("lang") == "vi"


def test_png_shows_lines_where_the_drawing_has_them() -> None:
    picture = Image.open(BytesIO(png_bytes(plot())))
    sheet = draw(plot())
    assert picture.size == (sheet.width * SCALE, sheet.height * SCALE)
    (x, y), (to_x, _) = [each for each in sheet.lines if each.colour == TARGET][-1].points
    middle = picture.getpixel((round((x + to_x) / 2 * SCALE), round(y * SCALE)))
    assert middle == ImageColor.getrgb(TARGET)


def test_every_letter_of_a_title_has_a_shape_of_its_own() -> None:
    def ink(title: str) -> bytes:
        picture = Image.open(BytesIO(png_bytes(replace(plot(), title=title))))
        return picture.crop((0, 0, 400, 72)).tobytes()

    # A font without a letter shows the same box for each.
    assert len({ink(letter) for letter in "ẾỘỮẵợĐ"}) == 6


def test_a_picture_needs_no_library_of_pdf() -> None:
    told = "import sys, services.cli.documents.png; sys.exit('fpdf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0

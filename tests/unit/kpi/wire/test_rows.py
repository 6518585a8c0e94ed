from services.kpi.domain.catalogue import Rule
from services.kpi.domain.contribution import contribution
from services.kpi.wire.rows import decode_cube, encode_rows
from tests.unit.kpi.builders import both as verified
from tests.unit.kpi.builders import catalogue, claim, component, cube_of, real_catalogue


def test_an_image_comes_back_with_every_cell_member_and_partition() -> None:
    made_of = catalogue(component(), component(Rule.DISTINCT, member="partner"))
    one = contribution([verified(claim("alpha/sci", partner="đối tác:1"))], made_of)
    other = contribution([verified(claim("beta", "s2", partner="đối tác:1"))], made_of)
    cube = cube_of(made_of, one, other)
    content = encode_rows(cube.rows())
    found = decode_cube(content, made_of)
    assert found.digest() == cube.digest()
    assert found.rows() == cube.rows()
    assert encode_rows(found.rows()) == content
    assert {place[0] for place in found.rows()} == {0, 1}


def test_an_empty_view_has_rows_too() -> None:
    empty = cube_of(real_catalogue())
    assert decode_cube(encode_rows(empty.rows()), real_catalogue()).digest() == empty.digest()

from sslcore.data.toybox import contact_sheet


def test_a_sheet_has_a_row_per_class_and_a_column_per_place_and_style():
    assert contact_sheet(32).size == (12 * 32, 10 * 32)
    assert contact_sheet(32, styles=("ink",), zoom=2, gap=4).size == (6 * 68 - 4, 10 * 68 - 4)

"""How lists are printed where nobody looks: a row is a line, whatever it holds."""

import pytest

from gatekeeper.cli.show import print_grid


def test_a_row_is_a_line_without_a_terminal(capsys):
    print_grid(("name", "what"), [("a", "x " * 60), ("日本", None), ("long name", "y")])
    assert capsys.readouterr().out.splitlines() == [
        "name       what",
        "a          " + ("x " * 60).rstrip(),
        "日本",
        "long name  y",
    ]


@pytest.mark.parametrize("rows", [[], [("a\nb", "c")]], ids=["none", "lines in a cell"])
def test_other_rows_are_printed_too(capsys, rows):
    print_grid(("name", "what"), rows)
    out = capsys.readouterr().out
    assert out.startswith("name")
    assert all(line in out for row in rows for cell in row for line in cell.split("\n"))


def test_control_characters_are_visible(capsys):
    print_grid(("name",), [("a\x1b[31mb",)])
    assert "\x1b" not in capsys.readouterr().out

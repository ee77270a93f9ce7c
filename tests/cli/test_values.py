"""Values of the command line come out as Typer converts them, mistakes included."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.core import TyperArgument, TyperOption

from gatekeeper.cli.main import app


class Form(StrEnum):
    text = "text"
    json = "json"


def _parsed(*arguments: str) -> object:
    """Give what a command gets, or the complaint."""
    found = []
    parser = typer.Typer(add_completion=False)

    @parser.command()
    def command(
        name: Annotated[str, typer.Argument()],
        files: Annotated[list[Path] | None, typer.Argument()] = None,
        word: str | None = None,
        words: Annotated[list[str] | None, typer.Option()] = None,
        path: Path | None = None,
        count: Annotated[int, typer.Option(min=1)] = 3,
        form: Form = Form.text,
        flag: bool = False,
        answer: bool | None = None,
    ) -> None:
        found.append((name, files, word, words, path, count, form, flag, answer))

    try:
        typer.main.get_command(parser).main([*arguments], standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error), getattr(error, "message", "")
    return [(type(value), value) for value in found[0]]


@pytest.mark.parametrize(
    "line",
    [
        "", "n", "n --word w", "n --word=", "n a b", "n .", "n --words a --words b",
        "n --path nowhere", "n --path .", "n --path=", "n --count 5", "n --count 0", "n --count x",
        "n --form json", "n --form xml", "n --form=", "n --flag", "n --no-answer", "n --nothing",
        "n\udcff", "n --word \udcff", "n --path \udcff", "n --path locked",
    ],
)  # fmt: skip
def test_as_typer_does(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "locked").touch(mode=0)
    plainly = _parsed(*line.split())
    for kind in (TyperArgument, TyperOption):
        monkeypatch.delattr(kind, "process_value")
    assert plainly == _parsed(*line.split())


def test_no_option_asks_for_more_than_its_type() -> None:
    todo = [typer.main.get_command(app)]
    for command in todo:
        todo += getattr(command, "commands", {}).values()
        for param in command.params:
            given = param.type_descriptor.parameter_info
            plain = typer.models.ParameterInfo()
            for asked in ("exists", "file_okay", "dir_okay", "writable", "resolve_path", "parser"):
                assert getattr(given, asked) == getattr(plain, asked), param.name

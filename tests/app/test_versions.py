"""`digits versions | promote | rollback` as a person runs them, on a real MLflow store."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from pipeline.registry.champion import find_champion
from pipeline.registry.store import NONE_YET
from tests.app.conftest import Store


@pytest.fixture
def two_versions(own_store: Store) -> Store:
    """Versions 1 and 2, of which the second is champion; MLflow itself made it so, without a trace."""
    own_store.register("")
    return own_store


@pytest.mark.usefixtures("two_versions")
def test_promote_and_roll_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["promote", "1", "--why", "reads my sevens"]) == 0
    assert find_champion() == "1"
    assert capsys.readouterr().out == "version 1 is now champion, in place of version 2\n"
    assert cli.main(["promote", "1"]) == 0
    assert capsys.readouterr().out == "version 1 is already champion\n"

    assert cli.main(["rollback", "--why", "misreads my ones"]) == 0
    assert find_champion() == "2"

    capsys.readouterr()
    assert cli.main(["versions"]) == 0
    shown = capsys.readouterr().out
    assert "2 champion" in shown
    assert "became champion: reads my sevens" in shown
    assert ": to 1 from 2: reads my sevens" in shown
    assert ": back to 2 from 1: misreads my ones" in shown


@pytest.mark.usefixtures("two_versions")
def test_versions_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["promote", "1"])
    capsys.readouterr()
    assert cli.main(["versions", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["alias"]) for row in found["versions"]] == [("2", None), ("1", "champion")]
    (move,) = found["moves"]
    assert (move["version"], move["before"], move["why"]) == ("1", "2", "by hand")


@pytest.mark.usefixtures("two_versions")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "9"], "digits: there is no version 9 of digit-reader; there are: 1, 2\n"),
        (
            ["rollback"],
            "digits: no version was champion before this one; `digits versions` lists all versions\n",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 1
    assert capsys.readouterr().err == message
    assert find_champion() == "2"


def test_without_a_store_nothing_is_made(tmp_path: Path) -> None:
    database = tmp_path / "none.db"
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "versions"],
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"digits: {NONE_YET} (there is no {database})\n"
    assert not database.exists()

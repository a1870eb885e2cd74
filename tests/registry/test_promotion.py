"""Moving the alias `champion` by hand, and the trace of it, in a real MLflow store."""

import getpass
import shutil
from pathlib import Path

import mlflow
import pytest

from pipeline.common.stage import StageError
from pipeline.registry import promotion, tracking


@pytest.fixture(autouse=True)
def client(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A store with four versions, of which none is champion."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracking.connect()
    client = mlflow.MlflowClient()
    client.create_registered_model(tracking.NAME)
    for _ in range(4):
        client.create_model_version(tracking.NAME, str(tmp_path))
    return client


def champion() -> str | None:
    version = tracking.find_alias(tracking.CHAMPION)
    return str(version.version) if version else None


def test_a_promotion_leaves_a_trace(client: mlflow.MlflowClient) -> None:
    promotion.promote("1", "the first")
    client.set_registered_model_alias(tracking.NAME, tracking.CHALLENGER, "3")
    promotion.promote("3", "reads my sevens")
    first, second = promotion.moves()
    assert (first.version, first.before, first.why) == ("1", None, "the first")
    assert (second.version, second.before, second.back) == ("3", "1", False)
    assert second.who == getpass.getuser()
    assert first.time < second.time
    assert champion() == "3"
    assert tracking.find_alias(tracking.CHALLENGER) is None
    tags = client.get_model_version(tracking.NAME, "3").tags
    assert tags[tracking.DECIDED] == "became champion: reads my sevens"


def test_promoting_the_champion_changes_nothing() -> None:
    promotion.promote("1", "the first")
    assert promotion.promote("1", "again") is None
    assert len(promotion.moves()) == 1


def test_what_is_not_there_cannot_be_promoted() -> None:
    with pytest.raises(StageError, match="there is no version 9 of digit-reader; there are: 1, 2, 3, 4"):
        promotion.promote("9", "why not")
    assert champion() is None


def test_going_back_goes_further_back_each_time() -> None:
    for version in ("1", "2", "1", "3"):
        promotion.promote(version, "test")
    promotion.rollback("worse")
    assert champion() == "1"
    promotion.rollback("worse")
    assert champion() == "2"
    promotion.rollback("worse")
    assert champion() == "1"
    with pytest.raises(StageError, match="no version was champion before"):
        promotion.rollback("worse")
    assert [move.back for move in promotion.moves()] == [False] * 4 + [True] * 3


def test_a_version_promoted_after_going_back_is_left_for_where_it_came_from() -> None:
    for version in ("1", "2"):
        promotion.promote(version, "test")
    promotion.rollback("worse")
    promotion.promote("4", "better")
    promotion.rollback("worse, too")
    assert champion() == "1"


def test_a_champion_of_before_there_was_a_trace_can_be_gone_back_to(client: mlflow.MlflowClient) -> None:
    client.set_registered_model_alias(tracking.NAME, tracking.CHAMPION, "2")
    promotion.promote("3", "test")
    promotion.rollback("worse")
    assert champion() == "2"


def test_going_back_from_a_champion_that_was_chosen_in_mlflow(client: mlflow.MlflowClient) -> None:
    promotion.promote("1", "test")
    client.set_registered_model_alias(tracking.NAME, tracking.CHAMPION, "4")
    promotion.rollback("worse")
    assert champion() == "1"


def test_a_version_that_was_deleted_is_passed_over(client: mlflow.MlflowClient) -> None:
    for version in ("1", "2", "3"):
        promotion.promote(version, "test")
    client.delete_model_version(tracking.NAME, "2")
    promotion.rollback("worse")
    assert champion() == "1"

"""params.yaml: every number a person may turn."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.common.stage import StageError

PARAMS = Path("params.yaml")


class Block(dict[str, Any]):
    """One block of params.yaml; a key that is not there is a `StageError` that names it."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.name = name

    def __missing__(self, key: str) -> Any:
        raise StageError(f"{PARAMS}: {self.name}.{key} is missing")

    def number(self, key: str, low: float, high: float) -> float:
        """Return the number under `key`, which must lie in low..high.

        Raises:
            StageError: It is missing, no number, or outside. (YAML reads `1e-3` as text: write `1.0e-3`.)
        """
        value = self[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._refused(key, f"a number in {low}..{high}")
        return value

    def whole_number(self, key: str, low: int, high: int) -> int:
        """Return the whole number under `key`, which must lie in low..high; else a `StageError`."""
        value = self.number(key, low, high)
        if not isinstance(value, int):
            raise self._refused(key, f"a whole number in {low}..{high}")
        return value

    def _refused(self, key: str, allowed: str) -> StageError:
        return StageError(f"{PARAMS}: {self.name}.{key} is {self[key]!r}; allowed is {allowed}")


def load(*blocks: str) -> dict[str, Block]:
    """Read the named blocks of params.yaml in the working directory.

    Raises:
        StageError: The file cannot be read, is no YAML, or lacks a block.
    """
    try:
        content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"no {PARAMS} in {Path.cwd()}; run the stages from the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StageError(f"{PARAMS} is not valid YAML: {error}") from None
    loaded = {}
    for name in blocks:
        values = content.get(name) if isinstance(content, dict) else None
        if not isinstance(values, dict):
            raise StageError(f"{PARAMS}: the block `{name}:` with its keys is missing")
        loaded[name] = Block(name, values)
    return loaded

"""params.yaml: every number a person may turn, and what is allowed for each.

What the parameters mean is said beside them, in params.yaml.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.common.stage import StageError

PARAMS = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class Block(BaseModel):
    """A block of params.yaml. A key that is missing, unknown, of another type or out of range is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Base(Block):
    seed: int = Field(ge=0, le=2**31)


class Ingest(Block):
    mirrors: list[dict[str, Any]]


class Preprocess(Block):
    validation: float = Field(ge=0.001, le=0.9)


class Training(Block):
    """How a network learns, whichever it is."""

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(ge=1, le=100_000)
    optimizer: Literal["adam", "adamw", "muon"]
    learning_rate: float = Field(ge=1e-9, le=10)
    weight_decay: Share = 0.0
    warmup: float | None = Field(None, ge=0, le=0.99)
    start: Share = 0.05
    overrun: Share = 0.0


class Augmentation(Block):
    rotation: Amount
    shear: Amount
    scale: Share
    shift: Amount
    elastic: Amount


class Train(Block):
    architecture: str


class Recipe(Training):
    label_smoothing: float = Field(0.0, ge=0, le=0.99)
    from_pages: float = Field(ge=0, le=10)
    augmentation: Augmentation | None


class Splitter(Training):
    pages: int = Field(ge=10, le=1_000_000)
    split_weight: Amount


class Candidates(Block):
    pages: int = Field(ge=10, le=1_000_000)
    none_per_digit: Amount
    least_none: int = Field(ge=0, le=1000)


class Mixture(Block):
    mnist: Share
    drawn: Share
    letters: Share


class Distortion(Block):
    linear: Share
    shift: Amount


class Verifier(Training):
    mixture: Mixture
    distortion: Distortion


class Evaluate(Block):
    pages: int = Field(ge=1, le=1_000_000)
    calibration_pages: int = Field(ge=1, le=1_000_000)


class Relearning(Block):
    epochs: int = Field(ge=1, le=10_000)
    learning_rate: float = Field(ge=1e-9, le=10)
    rehearsed: int = Field(ge=0, le=10**9)


class Feedback(Block):
    evaluation: Share
    weight: int = Field(ge=0, le=10_000)
    least_probability: Share
    slanted: int = Field(ge=0, le=10**9)
    verifier: Relearning


class Smallest(Block):
    test: Count
    pages: Count
    feedback: Count


class Gate(Block):
    level: float = Field(ge=0, le=0.5)
    smallest: Smallest


class Monitor(Block):
    corrections: Count
    digits: Count
    distance: Share
    level: float = Field(ge=0, le=0.5)


AnyBlock = TypeVar("AnyBlock", bound=Block)


def read(kind: type[AnyBlock], *keys: str) -> AnyBlock:
    """Read the block of params.yaml, in the working directory, that stands under these keys.

    Raises:
        StageError: The file cannot be read, is no YAML or lacks the block, or a value is not allowed. (YAML reads
            `1e-3` as text: write `1.0e-3`.)
    """
    name = ".".join(keys)
    try:
        content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
        for key in keys:
            content = content[key]
        return kind.model_validate(content)
    except FileNotFoundError:
        raise StageError(f"no {PARAMS} in {Path.cwd()}; run the stages from the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StageError(f"{PARAMS} is not valid YAML: {error}") from None
    except (KeyError, TypeError):
        raise StageError(f"{PARAMS}: the block `{name}:` with its keys is missing") from None
    except ValidationError as error:
        raise StageError("\n".join(_refusal(name, one) for one in error.errors())) from None


def _refusal(block: str, error: Any) -> str:
    """What is wrong with one value, by pydantic's description of it."""
    name = ".".join([block, *map(str, error["loc"])])
    if error["type"] == "missing":
        return f"{PARAMS}: {name} is missing"
    if error["type"] == "extra_forbidden":
        return f"{PARAMS}: {name} is no parameter"
    if error["type"] == "model_type":
        return f"{PARAMS}: the block `{name}:` with its keys is missing"
    return f"{PARAMS}: {name} is {error['input']!r}; {error['msg'].replace('Input', 'it')}"

"""What the page Live shows for each frame."""

from typing import Any

from app import markup
from app.serving import reader_in_use
from app.smoothing import Smoother
from pipeline.registry.champion import why_unread
from pipeline.registry.store import RegistryError


class Video:
    """The frames of one camera, in order.

    Args:
        chosen: The version that reads; None for whatever is champion at each frame.
    """

    def __init__(self, chosen: str | None) -> None:
        self._chosen = chosen
        self._smoother = Smoother()

    def answer(self, frame: bytes) -> dict[str, Any]:
        """Read the next frame, an encoded picture.

        Returns:
            {"html": the reading, "boxes": one for each digit}, or {"error": why there is nothing to show}.
        """
        try:
            reader = reader_in_use(self._chosen)
            reading = self._smoother.follow(reader.read_frame(frame))
        except RegistryError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": why_unread(error)}
        return {
            "html": markup.number(reading) + markup.facts(reading, reader.version) + markup.digits(reading),
            "boxes": [
                {"box": digit.box, "label": str(digit.digit), "confidence": digit.confidence}
                for digit in reading.digits
            ],
        }

"""Read a camera or a video file in a window: `digits live`."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from app.smoothing import Smoother
from pipeline.files import whole_path

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader

WINDOW = "digits live: q quits, p pauses"
# Seconds over which frames are counted.
_COUNTED = 2.0


class LiveError(Exception):
    """There is nothing to read or no way to show it. The message is one line: what is wrong and what to do."""

"""Builds the digit reader: the stages of dvc.yaml, in order, are the modules of this package."""

import os

# Both libraries read these when they are first imported, so no later place would do.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

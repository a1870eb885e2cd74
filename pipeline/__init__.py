"""Builds the digit reader: the stages of dvc.yaml, in order, are the modules of this package."""

import os

# The libraries read these when they are first imported, so no later place would do.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow turns oneDNN on by itself only on the newest CPUs; on one with AVX2 it saves 30 % of a training's time.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

"""The registry in MLflow: its store, runs and versions, which version is in use, and how that is decided."""

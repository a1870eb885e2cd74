"""Which version is in use: MLflow's runs and versions, promotion, and the gate."""

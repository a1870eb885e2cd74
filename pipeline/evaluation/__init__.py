"""How good a reader is: scores, calibration, comparison sets, figures, the model card."""

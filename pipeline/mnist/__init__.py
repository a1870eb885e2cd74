"""Getting MNIST's CSVs and checking them."""

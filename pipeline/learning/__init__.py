"""How the networks learn: architectures, augmentation, optimizer, batches, several machines."""

"""The reader: an image goes in, the numbers written on it come out. Imports nothing else of pipeline/."""

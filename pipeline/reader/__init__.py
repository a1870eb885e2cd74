"""The reader: an image goes in, the numbers written on it come out. Imports nothing else of pipeline/.

A registered version holds a copy of this folder, and today's `version.load` brings it to life. What versions stored
before rely on therefore stays: the file names `version.py` (with `load` and `build`) and `log.py` (with `logged`),
`Reader.read`, the fields of `Reading` and `Digit`, the class name `PictureError`, and the artifact keys `code`,
`cutter`, `digits`, `judge` and `calibration` (splitter and verifier are stored under their former names). Fields may be
added.
"""

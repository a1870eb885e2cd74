"""Lets people use the reader."""

"""Engines: from a model to numbers."""

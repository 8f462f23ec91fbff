"""The causal structure of a model: signed links and feedback loops."""

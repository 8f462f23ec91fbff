"""The value that a model file means: `Model` and the expression trees inside it."""

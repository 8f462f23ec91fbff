"""The editor: operations on a model file as messages, the same for a page, a notebook and a test."""

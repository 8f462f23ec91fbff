"""The shell commands; thin, each a few lines around the functions of the package."""

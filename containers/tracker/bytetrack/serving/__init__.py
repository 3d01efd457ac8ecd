"""The HTTP service of the program `serve`."""

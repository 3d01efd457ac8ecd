"""Parts of the `serve` program."""

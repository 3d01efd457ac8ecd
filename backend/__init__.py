"""Everything the console can do, without the console."""

"""Parts of pages, each used by one page only."""

"""Labels on their way in: one module per format at the edges, one table of tracks in the middle."""

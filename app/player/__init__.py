"""The video player and the labeling editor: their front end (`src`, bundled into `dist`) and their Python side."""

"""The player for videos with tracks: its front end (`src`, bundled as `player.js`), and what Python gives it."""

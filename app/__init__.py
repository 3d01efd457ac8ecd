"""The web console: entry point, theme, routes, and the widgets that the pages share."""

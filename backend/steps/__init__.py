"""The work behind pages, jobs and commands, mostly one module per step."""

"""Where jobs and endpoints run: this machine, AWS, or another platform, all behind the interface in `base`."""

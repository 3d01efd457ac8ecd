"""Files from untrusted sources: archives and downloads."""

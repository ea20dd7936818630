"""Lists of others into our domains: mapped, previewed, each row's fault kept, undone as one batch."""

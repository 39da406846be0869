"""Programs of the build: what goes out is looked at, and listed."""

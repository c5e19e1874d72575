"""The stock server's helpers."""

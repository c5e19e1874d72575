"""Containers, with an engine or as plain processes: an order in, something that answers at an address out."""

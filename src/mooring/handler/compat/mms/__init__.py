"""Stands in for the stock model server's package where that is not installed: its exception, which user code raises."""

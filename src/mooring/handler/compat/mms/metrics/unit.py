"""Units of metrics."""


class Units:
    """Short name → CloudWatch's."""

    def __init__(self):
        self.units = {
            "ms": "Milliseconds",
            "s": "Seconds",
            "percent": "Percent",
            "count": "Count",
            "MB": "Megabytes",
            "GB": "Gigabytes",
            "kB": "Kilobytes",
            "B": "Bytes",
            None: "unit",
        }

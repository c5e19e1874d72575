"""What a handler raises to choose the status of its response."""


class PredictionException(Exception):
    """`error_code` is the HTTP status."""

    def __init__(self, message, error_code=500):
        super().__init__(message, error_code)
        self.message = message
        self.error_code = error_code

    def __str__(self):
        return f"{self.message} : {self.error_code}"

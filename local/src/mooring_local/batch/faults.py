"""What makes an input object, and with it its job, fail. Raised by all of batch/, told to the user by `job.py`."""

from mooring.errors import MooringError


class BatchFault(MooringError):
    """`blame` is the platform's word for whose fault it is: ClientError, AlgorithmError or InternalServerError."""

    def __init__(self, message: str, *, hint: str = "", blame: str = "ClientError") -> None:
        super().__init__(message, hint=hint)
        self.blame = blame

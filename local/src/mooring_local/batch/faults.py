"""The error that makes an input object, and with it the job, fail. `job.py` reports it to the user."""

from mooring.errors import MooringError


class BatchFault(MooringError):
    """`blame` is SageMaker's error class: ClientError, AlgorithmError or InternalServerError."""

    def __init__(self, message: str, *, hint: str = "", blame: str = "ClientError") -> None:
        super().__init__(message, hint=hint)
        self.blame = blame

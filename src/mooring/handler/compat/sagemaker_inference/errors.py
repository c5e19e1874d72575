"""Define the errors of decoding and encoding. The server sends message and status to the client."""

from http import HTTPStatus


class ClientError(Exception):
    """The request is invalid."""


class BaseInferenceToolkitError(Exception):
    """An error with an HTTP status."""

    def __init__(self, status_code, message, phrase):
        super().__init__(status_code, message, phrase)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class UnsupportedFormatError(BaseInferenceToolkitError):
    """Unsupported media type: 415."""

    def __init__(self, content_type):
        message = f"Content type {content_type} is not supported by this framework."
        super().__init__(HTTPStatus.UNSUPPORTED_MEDIA_TYPE.value, message, message)

    def __str__(self):
        return self.message


class BadRequestInferenceError(BaseInferenceToolkitError):
    """400."""

    def __init__(self, message):
        super().__init__(HTTPStatus.BAD_REQUEST.value, message, message)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """Any status."""

    def __init__(self, status_code, message=None, phrase=None):
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)

"""A request that gets no answer: the status, and the body in the shape OpenAI's clients read.

{"error": {"message": "there is no model 'sentimnt'\\n  fix: model=sentiment",
           "type": "invalid_request_error", "param": "model", "code": "unknown_model",
           "hint": "model=sentiment"}}
"""

from collections.abc import Mapping
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError, SrlrError
from srlr.serving.asked import Busy, Gone, Late, Refused

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    409: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_answer_error",
    429: "rate_limit_error",
    431: "invalid_request_error",
    499: "client_closed_request",
    500: "server_error",
    501: "invalid_request_error",
    503: "server_error",
    504: "timeout_error",
}
"""What OpenAI calls each kind of error."""


class Rejected(SrlrError):
    """The request is answered with an error.

    Args:
        status: of HTTP.
        code: a word for machines.
        param: the field that is wrong.
        retry_after_s: seconds after which to try again, sent as Retry-After.
        more: what else the body's error says.
    """

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        hint: str = "",
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(what, hint)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s
        self.more = dict(more or {})

    def body(self) -> dict[str, Any]:
        """What the client is sent."""
        return {
            "error": {
                "message": str(self),
                "type": TYPES.get(self.status, "server_error"),
                "param": self.param,
                "code": self.code,
                "hint": self.hint,
                **self.more,
            }
        }

    def headers(self) -> dict[str, str]:
        """Retry-After, in whole seconds as HTTP has it, where there is something to wait for."""
        if self.retry_after_s is None:
            return {}
        return {"retry-after": str(max(1, round(self.retry_after_s + 0.49)))}


def rejected(error: SrlrError) -> Rejected:
    """The error as a client is told it. What is wrong with the machine is named, never shown."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, Refused):
        return Rejected(400, "refused", error.what, error.hint)
    if isinstance(error, Busy):
        wait_s = error.retry_after_s
        return Rejected(429, "busy", error.what, error.hint, retry_after_s=wait_s)
    if isinstance(error, Late):
        return Rejected(504, "late", error.what, error.hint)
    if isinstance(error, Gone):
        hint = "ask again: another worker, or this one restarted, will answer"
        return Rejected(503, "gone", "the worker ended before the answer", hint, retry_after_s=1)
    if isinstance(error, ResourceError | MissingArtifact | ConfigError):
        hint = "ask again later; the gateway's log says what is missing"
        return Rejected(503, "unavailable", "the gateway cannot do this now", hint, retry_after_s=5)
    return Rejected(500, "bug", "the gateway failed", "its log has the error")

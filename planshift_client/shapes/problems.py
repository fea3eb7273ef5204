"""The one shape of every error."""

from __future__ import annotations

from pydantic import ConfigDict

from planshift_client.shapes.base import Shape, told


class InvalidField(Shape):
    """A part of a request that is not as it should be."""

    where: str = told("Its place in the request.", "body.plan")
    what: str = told("What is wrong.", "Field required")


class ProblemDocument(Shape):
    """Why a request was not done (RFC 9457). Some have more keys, such as `quote`, `plan_change` or `details`."""

    model_config = ConfigDict(extra="allow")

    type: str = told("Stable; one for each code.", "urn:planshift:problem:price_changed")
    title: str = told("The kind of error.", "Conflict")
    status: int = told("The HTTP status.", 409)
    detail: str = told("What is wrong, and what to do.", "The total due today is ¥1,331, not ¥1,000.")
    code: str = told("Stable; docs/errors.md has a section for each.", "price_changed")
    errors: list[InvalidField] | None = told("Each part of the request that is wrong.", default=None)

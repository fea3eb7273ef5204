"""What can go wrong on the way to a page; domain/words has the heading and the sentence of each by its name."""

from __future__ import annotations

from typing import ClassVar


class PageProblem(Exception):
    """Shown as a page with this HTTP status."""

    name: ClassVar[str]
    status: ClassVar[int]


class LinkExpired(PageProblem):
    """The signed link is too old, was used before, or is not one of ours."""

    name, status = "link", 401


class NotSignedIn(PageProblem):
    """No cookie, one that is too old, or one of a session that was ended."""

    name, status = "not_signed_in", 401


class FormNotOurs(PageProblem):
    """A form without the token that this visit's pages carry."""

    name, status = "form", 403


class NotFound(PageProblem):
    """There is no such thing, or it is another customer's: nobody can tell which."""

    name, status = "not_found", 404

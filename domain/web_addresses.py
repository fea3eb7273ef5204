"""Addresses of a provider's own pages: origins that browsers name, and places that a customer may be sent back to."""

from collections.abc import Iterable
from urllib.parse import unquote, urlencode, urlsplit

# Others could read plain HTTP on its way, but for that of the machine itself.
_HOST = r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::\d{1,5})?"
ORIGIN = rf"^{_HOST}$"
# What a browser and a parser read alike: printable ASCII without backslashes.
PAGE = rf"^{_HOST}(?:/[!-\[\]-~]*)?$"
# A page of the portal that mails lead to: of a service, a change, or an invoice.
PORTAL_PAGE = r"^/portal/(?:services|changes|invoices)/[a-z]+_[0-9a-z]+$"


def with_return(login_url: str, page: str) -> str:
    """The provider's own sign-in, which is told the page of the portal that it is for: `return_to` in the query."""
    return f"{login_url}{'&' if '?' in login_url else '?'}{urlencode({'return_to': page})}"


def is_below(url: str, allowed: Iterable[str]) -> bool:
    """Whether it is one of these pages or lies below one: the same scheme, host and port, the path or a longer one."""
    wanted = urlsplit(url)
    if ".." in unquote(unquote(wanted.path)).split("/"):
        return False
    for one in map(urlsplit, allowed):
        path = one.path.rstrip("/")
        if (one.scheme, one.netloc) == (wanted.scheme, wanted.netloc) and f"{wanted.path}/".startswith(f"{path}/"):
            return True
    return False

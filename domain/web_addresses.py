"""Addresses of a provider's own pages: origins that browsers name, and places that a customer may be sent back to."""

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

# Others could read plain HTTP on its way, but for that of the machine itself.
_HOST = r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::\d{1,5})?"
ORIGIN = rf"^{_HOST}$"
# What a browser and a parser read alike: printable ASCII without backslashes.
PAGE = rf"^{_HOST}(?:/[!-\[\]-~]*)?$"


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

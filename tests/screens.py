"""Every page and state as a picture, to be looked at: `make screens`, in var/screens/.

One folder a language and one for the staff's pages, in it one for each device by day and in the dark. `ja staff` as
arguments takes those alone.
"""

from __future__ import annotations

import secrets
import sys

from cli.stack import start
from domain.words import LANGUAGES
from local.folders import temporary_folder
from local.stack import Stack
from tests.conftest import environment
from tests.portal import screens as portal
from tests.staff import screens as staff
from tests.support.browser import open_browser


def main(wanted: list[str]) -> None:
    with temporary_folder("screens") as folder, Stack(folder) as stack, environment({}):
        ready = start(stack, secrets.token_urlsafe(32))
        with open_browser() as browser:
            for one in wanted:
                if one == "staff":
                    staff.take(ready, stack, browser)
                else:
                    portal.take(one, ready, stack, browser)


if __name__ == "__main__":
    main(sys.argv[1:] or [*LANGUAGES, "staff"])

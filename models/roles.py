"""The application's role in production: it owns nothing, and what is history it may only read and add to."""

from __future__ import annotations

import re

from sqlalchemy import text
from sqlalchemy.orm import Session


class BadRoleName(Exception):
    """Not a plain role name."""

    def __init__(self, role: str) -> None:
        super().__init__(f"{role} is not a role name: use lower-case letters, digits and underscores.")


def append_only_tables(session: Session) -> list[str]:
    """The tables that migrations guard with a trigger; a role that does not own them cannot switch it off."""
    guards = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%\\_append\\_only' ORDER BY 1"
    return list(session.scalars(text(guards)))


def grant_application_role(session: Session, role: str) -> None:
    """Gives an existing role what the application needs, and takes the rest. Run it as the owner, after migrating.

    Raises BadRoleName; ProgrammingError if there is no such role.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
        raise BadRoleName(role)
    tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"))
    history = append_only_tables(session)
    session.execute(text(f'GRANT USAGE ON SCHEMA public TO "{role}"'))
    session.execute(text(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"'))
    for table in tables.all():
        rights = "SELECT, INSERT" if table in history else "SELECT, INSERT, UPDATE, DELETE"
        rights = "SELECT" if table == "alembic_version" else rights
        session.execute(text(f'REVOKE ALL ON "{table}" FROM "{role}"'))
        session.execute(text(f'GRANT {rights} ON "{table}" TO "{role}"'))

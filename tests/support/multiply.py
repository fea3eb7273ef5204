"""One service many times: its row, its customer, what was billed for it, and the change that is scheduled for it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# A copy of a row with some values of its own. Of ten copies nine end their period later: from the second day on, spread
# over the month. Every fifth of those that end with the first one has the scheduled change, too.
_COPY = """
INSERT INTO {table} SELECT (jsonb_populate_record(row, jsonb_build_object({values}))).*
FROM {table} row, generate_series(1, :size) n WHERE row.{key} = :{name} {which}
"""
_LATER = "CASE WHEN n % 10 = 0 THEN row.period_end ELSE row.period_end + (2 + n % 28) * interval '1 day' END"
_ROWS = (
    ("customers", "id", "customer", "'id', 'cus_copy' || n, 'ref', 'copy ' || n", ""),
    (
        "services",
        "id",
        "service",
        f"'id', 'svc_copy' || n, 'ref', 'copy-' || n, 'customer_id', 'cus_copy' || n, 'period_end', {_LATER}",
        "",
    ),
    ("billed_items", "service_id", "service", "'id', 'itm_copy' || n, 'service_id', 'svc_copy' || n", ""),
    (
        "plan_changes",
        "id",
        "change",
        "'id', 'chg_copy' || n, 'service_id', 'svc_copy' || n, 'customer_id', 'cus_copy' || n,"
        " 'idempotency_key', 'copy ' || n, 'warned_at', row.received_at",
        "AND n % 50 = 0",
    ),
)


def multiply(session: Session, service_id: str, change_id: str, size: int) -> None:
    """`size` copies, each with a customer of its own. A tenth of them ends its period with the first one, and a fifth
    of those has the change."""
    session.execute(text("SET LOCAL statement_timeout = '30min'"))
    customer = "SELECT customer_id FROM services WHERE id = :service"
    ids = {"service": service_id, "change": change_id}
    ids["customer"] = session.execute(text(customer), {"service": service_id}).scalar_one()
    for table, key, name, values, which in _ROWS:
        statement = _COPY.format(table=table, key=key, name=name, values=values, which=which)
        session.execute(text(statement), {name: ids[name], "size": size})

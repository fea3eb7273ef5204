"""What was billed for time is a row of its own, and so is what was taken back of it.

What a service has when this runs becomes one item: the charge of the renewal that began its running period where
nothing came after it, else what it was last known to have paid for the time that is left. Changes that are priced and
not settled yet are told which items they make and take back.
"""

import json
import secrets
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
OPEN_CHANGES = "('quoted', 'invoiced', 'awaiting_payment')"


def upgrade() -> None:
    _create_tables()
    _create_triggers()
    _add_columns()
    connection = op.get_bind()
    for service in connection.execute(sa.text(_SERVICES)).mappings().all():
        _move_service(connection, service)
    op.alter_column("services", "anchor_time", nullable=False)
    op.drop_column("services", "period_paid_minor")


def _create_tables() -> None:
    recorded = sa.Column(
        "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    )
    moment, whole, text = sa.DateTime(timezone=True), sa.BigInteger(), sa.String()
    op.create_table(
        "billed_items",
        sa.Column("id", text, nullable=False),
        sa.Column("provider_id", text, nullable=False),
        sa.Column("service_id", text, nullable=False),
        sa.Column("invoice_id", text, nullable=True),
        sa.Column("line", whole, nullable=True),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "plan", "cycle")),
        *(sa.Column(name, whole, nullable=False) for name in ("units", "unit_price_minor")),
        sa.Column("discount", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        *(
            sa.Column(name, moment, nullable=False)
            for name in ("covers_start", "covers_end", "period_start", "period_end")
        ),
        *(sa.Column(name, text, nullable=True) for name in ("fraction", "change_day")),
        sa.Column("currency", text, nullable=False),
        sa.Column("net_minor", whole, nullable=False),
        sa.Column("tax_code", text, nullable=True),
        sa.Column("tax_rate_millionths", whole, nullable=False),
        sa.Column("tax_included", sa.Boolean(), nullable=False),
        sa.Column("tax_minor", whole, nullable=False),
        sa.Column("gross_minor", whole, nullable=False),
        sa.Column("at", moment, nullable=False),
        recorded,
        sa.CheckConstraint("kind IN ('charge', 'import')", name=op.f("ck_billed_items_kind_is_known")),
        sa.CheckConstraint(
            "(kind = 'charge') = (invoice_id IS NOT NULL AND line IS NOT NULL)",
            name=op.f("ck_billed_items_charge_has_a_line"),
        ),
        sa.CheckConstraint(
            "period_start <= covers_start AND covers_start < covers_end",
            name=op.f("ck_billed_items_covers_its_period"),
        ),
        sa.CheckConstraint(
            "units > 0 AND net_minor >= 0 AND tax_minor >= 0", name=op.f("ck_billed_items_not_negative")
        ),
        sa.CheckConstraint("net_minor + tax_minor = gross_minor", name=op.f("ck_billed_items_adds_up")),
        *(
            sa.ForeignKeyConstraint([f"{to}_id"], [f"{to}s.id"], name=op.f(f"fk_billed_items_{to}_id"))
            for to in ("provider", "service", "invoice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billed_items")),
    )
    op.create_index(op.f("ix_billed_items_service_id"), "billed_items", ["service_id"])
    op.create_index(op.f("ix_billed_items_invoice_id"), "billed_items", ["invoice_id"])
    op.create_table(
        "billed_item_balances",
        sa.Column("item_id", text, nullable=False),
        *(sa.Column(name, whole, nullable=False) for name in ("units_left", "net_left_minor", "tax_left_minor")),
        sa.CheckConstraint("units_left >= 0", name=op.f("ck_billed_item_balances_units_not_overdrawn")),
        sa.CheckConstraint("net_left_minor >= 0", name=op.f("ck_billed_item_balances_net_not_overdrawn")),
        sa.CheckConstraint("tax_left_minor >= 0", name=op.f("ck_billed_item_balances_tax_not_overdrawn")),
        sa.ForeignKeyConstraint(["item_id"], ["billed_items.id"], name=op.f("fk_billed_item_balances_item_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_billed_item_balances")),
    )
    op.create_table(
        "take_backs",
        sa.Column("id", text, nullable=False),
        sa.Column("provider_id", text, nullable=False),
        sa.Column("item_id", text, nullable=False),
        sa.Column("invoice_id", text, nullable=True),
        sa.Column("line", whole, nullable=True),
        *(sa.Column(name, whole, nullable=False) for name in ("units", "net_minor", "tax_minor")),
        sa.Column("from_at", moment, nullable=False),
        sa.Column("cause", text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "cause IN ('change', 'reversal', 'compensation', 'correction', 'ending')",
            name=op.f("ck_take_backs_cause_is_known"),
        ),
        sa.CheckConstraint("units >= 0 AND net_minor >= 0 AND tax_minor >= 0", name=op.f("ck_take_backs_not_negative")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_take_backs_provider_id")),
        sa.ForeignKeyConstraint(["item_id"], ["billed_items.id"], name=op.f("fk_take_backs_item_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_take_backs_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_take_backs")),
    )
    op.create_index(op.f("ix_take_backs_item_id"), "take_backs", ["item_id"])
    op.create_index("ix_take_backs_invoice_id", "take_backs", ["invoice_id"])


def _create_triggers() -> None:
    op.execute(
        """
        CREATE FUNCTION begin_billed_item_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO billed_item_balances VALUES (NEW.id, NEW.units, NEW.net_minor, NEW.tax_minor);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION take_from_billed_item_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE billed_item_balances SET units_left = units_left - NEW.units,
                net_left_minor = net_left_minor - NEW.net_minor, tax_left_minor = tax_left_minor - NEW.tax_minor
            WHERE item_id = NEW.item_id;
            RETURN NULL;
        END $$
        """
    )
    for table, name in (
        ("billed_items", "begin_billed_item_balance"),
        ("take_backs", "take_from_billed_item_balance"),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()"
        )


def _add_columns() -> None:
    op.add_column("services", sa.Column("anchor_time", sa.Time(), nullable=True))
    op.add_column("services", sa.Column("unpaid_import", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("plan_changes", sa.Column("target_quantity", sa.BigInteger(), nullable=True))
    op.add_column("plan_changes", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE plan_changes SET approved_at = (SELECT max(at) FROM plan_change_moves m"
        " WHERE m.change_id = plan_changes.id AND m.event = 'approve') WHERE approved_by IS NOT NULL"
    )
    op.add_column("invoices", sa.Column("rounding_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.alter_column("invoices", "rounding_minor", server_default=None)
    op.drop_constraint(op.f("ck_invoices_adds_up"), "invoices")
    op.create_check_constraint(
        op.f("ck_invoices_adds_up"), "invoices", "net_minor + tax_minor + rounding_minor = total_minor"
    )


# With each service: its provider's catalogue, the renewal's invoice that began its running period, and the last change
# that was settled in it.
_SERVICES = f"""
SELECT s.*, c.document AS catalog, cu.country, cu.tax_exempt, i.id AS invoice_id, i.net_minor, i.tax_minor,
    i.issued_at, i.content AS invoice_content, last.quote, last.invoice_id AS last_invoice_id,
    last.settled_at AS last_settled_at, last.status AS last_status, waiting.id AS waiting_id, waiting.quote AS offered
FROM services s
JOIN customers cu ON cu.id = s.customer_id
JOIN LATERAL (SELECT document FROM catalogs WHERE provider_id = s.provider_id ORDER BY version DESC LIMIT 1) c ON true
LEFT JOIN renewals r ON r.service_id = s.id AND r.period_start = s.period_start
LEFT JOIN LATERAL (
    SELECT i.* FROM invoices i LEFT JOIN invoices wrong ON wrong.id = i.corrects_id
    WHERE i.kind = 'invoice' AND (i.renewal_id = r.id OR wrong.renewal_id = r.id) ORDER BY i.issued_at DESC LIMIT 1
) i ON true
LEFT JOIN LATERAL (
    SELECT ch.quote, ch.status, ci.id AS invoice_id, ci.settled_at FROM plan_changes ch
    JOIN invoices ci ON ci.change_id = ch.id
    WHERE ch.service_id = s.id AND ci.settled_at >= s.period_start AND ch.status <> 'compensated'
    ORDER BY ci.settled_at DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT id, quote FROM plan_changes WHERE service_id = s.id AND status IN {OPEN_CHANGES} LIMIT 1
) waiting ON true
ORDER BY s.id
"""


def _move_service(connection: sa.Connection, service: sa.RowMapping) -> None:
    zone = ZoneInfo(service["catalog"]["timezone"])
    connection.execute(
        sa.text("UPDATE services SET anchor_time = :time WHERE id = :id"),
        {"id": service["id"], "time": service["period_start"].astimezone(zone).time()},
    )
    item = _item_of(service)
    connection.execute(_INSERT, item)
    if service["offered"]:
        connection.execute(
            sa.text("UPDATE plan_changes SET quote = :quote WHERE id = :id"),
            {"id": service["waiting_id"], "quote": json.dumps(_with_items(service["offered"], item))},
        )


def _item_of(service: sa.RowMapping) -> dict[str, Any]:
    """The service's one item: as its renewal was invoiced, or what it was last known to have paid for."""
    quote = service["quote"]
    moving = service["last_status"] in ("paid", "applying", "stuck") and quote is not None
    plan, unit, units, paid = (
        (quote["to"], quote["to"]["unit_price"]["amount"], quote["quantity"], quote["period_paid_after"]["amount"])
        if moving
        else (service, service["unit_price_minor"], service["quantity"], service["period_paid_minor"])
    )
    start, end = service["period_start"], service["period_end"]
    if moving:
        start, end = (_instant(quote["new_period"][key]) for key in ("start", "end"))
    covers, fraction, day = start, None, None
    if quote is not None and quote["timing"] != "at_renewal" and _instant(quote["effective_at"]) > start:
        covers, fraction = _instant(quote["effective_at"]), (quote["proration"] or {}).get("fraction")
        day = (quote["proration"] or {}).get("change_day")
    code, millionths, included = _rate(service, quote)
    as_invoiced = service["invoice_id"] is not None and quote is None
    if as_invoiced:
        net, tax = service["net_minor"], service["tax_minor"]
        taxes = service["invoice_content"]["taxes"]
        code, millionths = (taxes[0]["code"], _millionths(taxes[0]["percent"])) if taxes else (None, 0)
    else:
        net = max(0, paid)
        tax = (net * millionths * 2 + 1_000_000) // 2_000_000
    discount = service["discount"]
    return {
        "id": _new_id(),
        "provider_id": service["provider_id"],
        "service_id": service["id"],
        "invoice_id": service["invoice_id"] if as_invoiced else None,
        "line": 0 if as_invoiced else None,
        "kind": "charge" if as_invoiced else "import",
        "plan": plan["plan"],
        "cycle": plan["cycle"],
        "units": units,
        "unit_price_minor": unit,
        "discount": json.dumps(discount) if discount else None,
        "covers_start": covers,
        "covers_end": end,
        "period_start": start,
        "period_end": end,
        "fraction": fraction if fraction not in ("whole", "zero") else None,
        "change_day": day,
        "currency": service["currency"],
        "net_minor": net,
        "tax_code": code if tax else None,
        "tax_rate_millionths": millionths if tax else 0,
        "tax_included": included,
        "tax_minor": tax,
        "gross_minor": net + tax,
        "at": service["issued_at"] if as_invoiced else service["last_settled_at"] or service["period_start"],
    }


def _rate(service: sa.RowMapping, quote: dict[str, Any] | None) -> tuple[str | None, int, bool]:
    """The rate that a service without an invoice of its own was sold at: today's for its country and product."""
    tax = service["catalog"]["tax"]
    included = tax["prices"] == "inclusive"
    if service["tax_exempt"]:
        return None, 0, included
    plan_id = service["plan"] if quote is None else quote["to"]["plan"]
    product = next((plan["product"] for plan in service["catalog"]["plans"] if plan["id"] == plan_id), None)
    for rate in tax["rates"]:
        if rate["country"] in (None, service["country"]) and rate["product"] in (None, product):
            return rate["code"], _millionths(rate["percent"]), included
    return None, 0, included


def _with_items(quote: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """An offer that stands, told which item it closes and which it makes; its amounts stay as they were shown."""
    lines: list[dict[str, Any]] = quote["lines"]
    credit = sum(-line["amount"]["amount"] for line in lines if line["kind"] == "credit")
    net = min(credit, item["net_minor"])
    tax = item["tax_minor"] * net // item["net_minor"] if item["net_minor"] else 0
    taken = {"item": item["id"], "units": item["units"], "net": net, "tax": tax}
    if quote["proration"]["fraction"] == "zero":
        return quote | {"opened": [], "taken": []}
    place = next((index for index, line in enumerate(lines) if line["kind"] == "charge"), None)
    made = [] if place is None else [{"item": _made(quote, item, lines[place]), "line": place}]
    return quote | {"opened": made, "taken": [taken | {"from_at": quote["effective_at"], "line": 0}]}


def _made(quote: dict[str, Any], item: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    target, proration = quote["to"], quote["proration"]
    net = max(0, quote["period_paid_after"]["amount"])
    taxes = [one for one in quote["lines"] if one["kind"] == "tax"]
    code, percent = (taxes[0]["code"], taxes[0]["percent"]) if taxes else (None, "0")
    tax = (net * _millionths(percent) * 2 + 1_000_000) // 2_000_000
    amounts = {"units": quote["quantity"], "net": net, "tax": tax}
    return amounts | {
        "id": "",
        "plan": target["plan"],
        "cycle": target["cycle"],
        "unit_price": target["unit_price"]["amount"],
        "covers": line["period"] or quote["new_period"],
        "of_period": quote["new_period"],
        "tax_code": code,
        "tax_percent": percent,
        "tax_included": item["tax_included"],
        "discount": None,
        "fraction": proration["fraction"],
        "change_day": proration["change_day"],
        **{f"{name}_left": amount for name, amount in amounts.items()},
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _millionths(percent: str) -> int:
    whole, _, decimals = percent.partition(".")
    return int(whole + decimals.ljust(4, "0"))


def _new_id() -> str:
    """A ULID as the program makes them: 48 bits of milliseconds, 80 random bits."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "itm_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


_COLUMNS = (
    "id",
    "provider_id",
    "service_id",
    "invoice_id",
    "line",
    "kind",
    "plan",
    "cycle",
    "units",
    "unit_price_minor",
    "discount",
    "covers_start",
    "covers_end",
    "period_start",
    "period_end",
    "fraction",
    "change_day",
    "currency",
    "net_minor",
    "tax_code",
    "tax_rate_millionths",
    "tax_included",
    "tax_minor",
    "gross_minor",
    "at",
)
_INSERT = sa.text(
    f"INSERT INTO billed_items ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)})"
)

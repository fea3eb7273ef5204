"""The database itself refuses an unbalanced ledger transaction, and any change to what was written down as history."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "ledger_transactions",
    "ledger_entries",
    "plan_change_moves",
    "documents",
    "catalogs",
    "operator_actions",
    "number_gaps",
)


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_unbalanced_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            difference record;
        BEGIN
            SELECT currency, sum(amount_minor) AS total INTO difference
            FROM ledger_entries WHERE transaction_id = NEW.transaction_id
            GROUP BY currency HAVING sum(amount_minor) <> 0 LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'ledger transaction % does not balance: % % too much',
                    NEW.transaction_id, difference.total, difference.currency
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    # Deferred: the entries of a transaction are inserted one by one and balance at the commit.
    op.execute(
        """
        CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_transaction()
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_to_rewrite_history() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: write a correcting row instead', TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()"
        )

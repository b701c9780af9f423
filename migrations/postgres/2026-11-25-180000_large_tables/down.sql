DROP TRIGGER customers_notice ON customers;
CREATE TRIGGER customers_notice AFTER INSERT OR UPDATE OR DELETE ON customers
    FOR EACH ROW EXECUTE FUNCTION customers_notice();
DROP TRIGGER customers_guard ON customers;
CREATE TRIGGER customers_guard BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION customers_guard();
DROP INDEX local_edits_deletes;
DROP INDEX outbox_by_operation;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (merchant_id, next_attempt_at);
DROP INDEX inbox_by_state;
CREATE INDEX inbox_unsettled ON inbox (state, seq) WHERE state IN ('waiting', 'dead');
DROP INDEX customers_by_state;
CREATE INDEX customers_unsynced ON customers (sync_state, merchant_id) WHERE sync_state <> 'synced';

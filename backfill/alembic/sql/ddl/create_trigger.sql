-- Waits for all who write to the table now: from then on no row is written past it. CREATE OR REPLACE TRIGGER is there since PostgreSQL 14 only.
CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}()

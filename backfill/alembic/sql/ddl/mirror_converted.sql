-- The new column always has what the old one says, whoever writes. The expression names columns of the table: here they
-- are those of the row that is about to be written.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql
AS $body$
BEGIN
    NEW.{target} := (SELECT {expression} FROM (SELECT NEW.*) AS {alias});
    RETURN NEW;
END
$body$

-- What a migration would do in one transaction.
UPDATE customers SET email_normalized = lower(btrim(email))

-- Rows of some 40 bytes, in the order of their key, as an application has inserted them. Both ways leave the same dead rows
-- to the autovacuum; whether it comes before the end of a measurement or after it is chance.
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, email_normalized text)
WITH (autovacuum_enabled = off)

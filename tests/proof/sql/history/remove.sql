-- The triggers hang on columns that a downgrade drops.
DROP SCHEMA IF EXISTS history CASCADE;

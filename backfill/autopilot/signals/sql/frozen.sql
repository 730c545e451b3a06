-- Transactions since the oldest row that is not frozen, of the database where that is most: at 2 billion it stops writing.
SELECT CAST(datname AS text) AS name, CAST(age(datfrozenxid) AS float8) AS transactions
FROM pg_catalog.pg_database
ORDER BY 2 DESC
LIMIT 1

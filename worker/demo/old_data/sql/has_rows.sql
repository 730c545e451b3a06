-- Ids are made from the seed, so filling a database twice would fail half way through; say so before.
SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM projects) AS has_rows

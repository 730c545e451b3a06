-- Everything at once, and only together with the two statements that follow in the same transaction.
DROP SCHEMA IF EXISTS public CASCADE

-- There since PostgreSQL 17, and ends what the other limits pass over: the transaction of a worker that was frozen between
-- a statement's Parse and its Bind, which is neither idle nor running. One that runs already is stopped first, because a new
-- value does not move it.
SET LOCAL transaction_timeout = 0;
SET LOCAL transaction_timeout = :transaction_timeout

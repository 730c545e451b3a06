-- As PostgreSQL has spelled the index that it is made like.
CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {does}

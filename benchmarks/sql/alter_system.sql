-- Takes effect at the server's next start.
ALTER SYSTEM SET {name} = '{value}'

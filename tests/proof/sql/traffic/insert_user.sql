-- Somebody signs up.
INSERT INTO users (id, email, username, is_active, is_superuser, is_verified, total_generations)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp

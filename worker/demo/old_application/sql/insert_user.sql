-- Somebody must own the first project of an empty database.
INSERT INTO users (id, email, username, is_active, is_superuser, is_verified, total_generations)
VALUES ($1, $2, $3, true, false, true, 0)

-- The people; the low numbers own most of the projects.
INSERT INTO users (email, username, full_name, hashed_password, is_active, is_superuser, is_verified, bio, location,
                   github_username, preferences, total_generations, id, created_at, updated_at)
SELECT format('user%s@example.com', u), format('user%s', u), format('User %s', u),
       '$2b$12$' || md5(format('%s-%s', s.seed, u)) || left(md5(u::text), 21), u % 50 <> 0, u = 1, u % 10 <> 0,
       'Builds internal tools.', pg_temp.pick(ARRAY['Lagos', 'Berlin', 'Austin', 'Pune', 'Lima'],
       pg_temp.draw(s.seed, u, 70)), CASE WHEN u % 3 = 0 THEN format('gh-user%s', u) END,
       json_build_object('theme', 'dark', 'notifications', u % 2 = 0),
       coalesce(owned.generations, 0), pg_temp.key(s.seed, 'user', u),
       coalesce(owned.since, s.newest) - interval '3 days', coalesce(owned.since, s.newest) - interval '3 days'
FROM old_shape AS s CROSS JOIN generate_series(1, s.users) AS u
LEFT JOIN (SELECT user_number, sum(generations) AS generations, min(created_at) AS since
           FROM old_projects GROUP BY user_number) AS owned ON owned.user_number = u
ORDER BY u

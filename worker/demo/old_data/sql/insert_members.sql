-- Up to five members for each organization: its owner and the users after it.
INSERT INTO organization_members (organization_id, user_id, role, permissions, is_active, invited_by_id, id,
                                  created_at, updated_at)
SELECT pg_temp.key(s.seed, 'organization', o), pg_temp.key(s.seed, 'user', 1 + (o - 1 + m) % s.users),
       CASE WHEN m = 0 THEN 'owner' ELSE 'member' END, json_build_object('write', m < 3), true,
       CASE WHEN m > 0 THEN pg_temp.key(s.seed, 'user', o) END, pg_temp.key(s.seed, 'member', o * 8 + m),
       s.newest - s.span, s.newest - s.span
FROM old_shape AS s, generate_series(1, s.organizations) AS o, generate_series(0, least(4, s.users - 1)) AS m
ORDER BY o, m

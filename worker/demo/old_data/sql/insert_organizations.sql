-- A few organizations, one per twenty users or so.
INSERT INTO organizations (name, slug, description, owner_id, is_active, max_members, max_projects, subscription_plan,
                           settings, id, created_at, updated_at)
SELECT format('Organization %s', o), format('organization-%s', o), 'A team that shares its projects.',
       pg_temp.key(s.seed, 'user', o), true, 25, 500, CASE WHEN o % 4 = 0 THEN 'pro' ELSE 'free' END,
       json_build_object('default_visibility', 'private'), pg_temp.key(s.seed, 'organization', o),
       s.newest - s.span, s.newest - s.span
FROM old_shape AS s, generate_series(1, s.organizations) AS o
ORDER BY o

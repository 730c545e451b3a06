-- 256 sets of the smaller documents of a generation: prompt, context, schema, review, documentation.
CREATE TEMPORARY TABLE old_papers ON COMMIT DROP AS
WITH words AS (
    SELECT ARRAY['customer', 'order', 'invoice', 'product', 'booking', 'room', 'patient', 'appointment', 'course',
                 'lesson', 'student', 'ticket', 'shipment', 'warehouse', 'supplier', 'payment', 'review', 'recipe',
                 'message', 'channel', 'subscription', 'vehicle', 'driver', 'contract', 'employee', 'project'] AS nouns,
           ARRAY['Every %1$s belongs to one %2$s and keeps a history of its changes.',
                 'A user signs in with email and password and sees only the %1$s records they own.',
                 'Add full text search over %1$s and %2$s, with paging and sorting by date.',
                 'When a %1$s is cancelled, notify the %2$s by email and keep an audit entry.',
                 'The %1$s list can be exported as CSV; large exports run in the background.',
                 'Administrators can merge two %1$s entries, and undo that within a day.',
                 'Please use UUID keys, soft deletion for %2$s, and created and updated times everywhere.'] AS wishes
)
SELECT n AS number,
       format('Build a REST API that manages %1$s and %2$s records for a small company. ', nouns.a, nouns.b)
           || (SELECT string_agg(format(w.wishes[1 + (n + i) % 7], pg_temp.pick(w.nouns, pg_temp.draw(s.seed, n, 30 + i)),
                                        pg_temp.pick(w.nouns, pg_temp.draw(s.seed, n, 40 + i))), ' ' ORDER BY i)
               FROM generate_series(1, 2 + n % 4 * (n % 3) + n % 16 / 6) AS i) AS prompt,
       json_build_object('domain', nouns.a || '_management', 'tech_stack', 'fastapi_postgres',
                         'constraints', json_build_array('dockerized', 'tested'), 'max_entities', 4 + n % 9) AS context,
       (SELECT json_build_object('entities', json_agg(json_build_object(
                   'name', e.noun, 'fields', json_build_array('id', 'name', 'total', 'note'))))
        FROM (SELECT pg_temp.pick(w.nouns, pg_temp.draw(s.seed, n, 50 + i)) AS noun
              FROM generate_series(1, 2 + n % 5) AS i) AS e) AS extracted_schema,
       json_build_object('summary', 'Main paths are tested.', 'issues', json_build_array(
           format('%s: no index on the foreign key', nouns.b))) AS review_feedback,
       json_build_object('readme', format(E'# %s service\n\nRun `make dev`, then open /docs.\n', initcap(nouns.a)),
                         'openapi', '3.1.0') AS documentation
FROM old_shape AS s, words AS w, generate_series(0, 255) AS n,
     LATERAL (SELECT pg_temp.pick(w.nouns, pg_temp.draw(s.seed, n, 28)) AS a,
                     pg_temp.pick(w.nouns, pg_temp.draw(s.seed, n, 29)) AS b) AS nouns

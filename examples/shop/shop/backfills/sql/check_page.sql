-- One statement's view of some customers, so that live writes can never look like a breach.
WITH page AS MATERIALIZED (
    SELECT id, email, email_normalized
    FROM public.customers
    WHERE id > coalesce(CAST(CAST(:after AS text) AS bigint), -9223372036854775808)
      AND id <= coalesce(CAST(CAST(:end AS text) AS bigint), 9223372036854775807)
    ORDER BY id
    LIMIT :units
)
SELECT count(*) AS units,
       CAST(max(id) AS text) AS last_id,
       count(*) FILTER (WHERE email_normalized IS NULL) AS unassigned,
       count(*) FILTER (WHERE email_normalized <> lower(btrim(email))) AS differing,
       ARRAY(SELECT CAST(id AS text) FROM page WHERE email_normalized IS NULL ORDER BY id) AS unassigned_ids,
       ARRAY(
           SELECT CAST(id AS text) FROM page WHERE email_normalized <> lower(btrim(email)) ORDER BY id
           LIMIT CAST(:examples AS integer)
       ) AS differing_ids
FROM page

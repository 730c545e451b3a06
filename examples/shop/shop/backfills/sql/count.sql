-- Exact: a shop that has millions of customers would ask the planner, or a sample.
SELECT count(*) AS rows, count(*) FILTER (WHERE email_normalized IS NULL) AS left_to_do
FROM public.customers

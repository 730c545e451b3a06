-- Looked up once per generation.
CREATE UNIQUE INDEX ON old_outputs (number)

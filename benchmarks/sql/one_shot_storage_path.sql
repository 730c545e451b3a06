-- Second statement: every row a second time.
UPDATE generations SET storage_path = './storage/projects/' || id

-- The write floor: every row is written once, with constants as long as what they stand for, and nothing is looked up.
UPDATE generations
SET version = 1, storage_path = './storage/projects/00000000-0000-0000-0000-000000000000', is_active = false

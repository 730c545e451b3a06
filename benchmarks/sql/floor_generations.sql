-- The write floor: each row of some pages, once, with constants as long as what they stand for. Nothing is looked up.
UPDATE generations
SET version = 1, storage_path = './storage/projects/00000000-0000-0000-0000-000000000000', is_active = false
WHERE ctid >= $1::tid AND ctid < $2::tid AND storage_path IS NULL

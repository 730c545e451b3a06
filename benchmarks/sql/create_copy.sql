-- Copies the files instead of writing every page to the WAL: a copy is then as fast as the disk, and the server is as
-- quiet before a measurement as after a checkpoint. Neither name can be a parameter.
CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy

-- Run once, by a PostgreSQL that listens nowhere yet: a folder that has its final name has the database in it.
CREATE DATABASE {database};

-- The database that is prepared once. Its name cannot be a parameter.
CREATE DATABASE "{name}" TEMPLATE template0

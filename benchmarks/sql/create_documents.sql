-- Short texts to be hashed, as many as there are calls to be made.
CREATE TABLE documents (id bigint PRIMARY KEY, body text NOT NULL, sha256 text)

-- The key that links to files are signed with; one row at most. It opens nothing but the files whose records stand beside
-- it.
CREATE TABLE media_signing_key (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    bytes BLOB NOT NULL
) STRICT;

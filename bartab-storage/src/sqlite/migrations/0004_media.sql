-- Uploads, files, who refers to them, and how much is held. Nothing here refers to the log or to identity, and nothing
-- there refers here. The bytes are in an object store.

-- What files are called and how they look, to be erased with them: in slots that never move, as views are (0001 says
-- why), each with a line of lengths, as in 0003.
CREATE TABLE media_texts (
    slot  INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE free_media_texts (
    size INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (size, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    upload_id  BLOB PRIMARY KEY,
    owner      BLOB    NOT NULL,
    length     INTEGER,           -- as announced
    received   INTEGER NOT NULL,
    slot       INTEGER,           -- what the client said of it
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    public     INTEGER,           -- with sha256: what it was staged with
    sha256     BLOB,
    media_id   BLOB               -- the file that it made; it holds no blob then
) STRICT;

CREATE INDEX uploads_owner ON uploads (owner, upload_id);
CREATE INDEX uploads_expires ON uploads (expires_at, upload_id);

CREATE TABLE media (
    media_id       BLOB PRIMARY KEY,
    owner          BLOB    NOT NULL,
    public         INTEGER NOT NULL,
    sha256         BLOB    NOT NULL,
    size           INTEGER NOT NULL,
    mime           TEXT    NOT NULL,
    slot           INTEGER,           -- name, blurred impression, the quarantine's reason
    width          INTEGER,
    height         INTEGER,
    created_at     INTEGER NOT NULL,
    kept_until     INTEGER,
    holders        INTEGER NOT NULL,  -- how many rows of media_holders
    quarantined_by BLOB,
    quarantined_at INTEGER
) STRICT;

CREATE INDEX media_owner ON media (owner, media_id);
CREATE INDEX media_kept ON media (kept_until, media_id)
    WHERE holders = 0 AND quarantined_by IS NULL AND kept_until IS NOT NULL;

-- A blob is here while something uses it, and then, used by nothing, until its bytes are deleted: it is doomed.
CREATE TABLE media_blobs (
    public INTEGER NOT NULL,
    sha256 BLOB    NOT NULL,
    files  INTEGER NOT NULL,
    staged INTEGER NOT NULL,  -- uploads that hold it
    PRIMARY KEY (public, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_blobs_doomed ON media_blobs (public, sha256) WHERE files = 0 AND staged = 0;

-- A holder is a byte for its kind and 16 of its id.
CREATE TABLE media_holders (
    holder   BLOB NOT NULL,
    media_id BLOB NOT NULL,
    PRIMARY KEY (holder, media_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_holders_media ON media_holders (media_id, holder);

-- How far each feed was applied.
CREATE TABLE media_positions (
    feed     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The sums over media and uploads, by owner. The empty blob as owner is the tenant.
CREATE TABLE media_usage (
    owner    BLOB PRIMARY KEY,
    files    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    uploads  INTEGER NOT NULL,
    reserved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log, what follows from it, and read markers. Ids are 16 bytes in network order, times milliseconds since 1970.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Small columns stand first and content last: what does not ask for content never follows it to overflow pages. The
-- defaults are those of an ordinary message, which is written without these columns.
CREATE TABLE events (
    seq             INTEGER PRIMARY KEY,
    log             INTEGER NOT NULL DEFAULT 0,
    time            INTEGER NOT NULL,
    type            ANY     NOT NULL DEFAULT 1,  -- a number for a named type, text for a custom one
    lane            INTEGER NOT NULL DEFAULT 0,
    place           INTEGER,                     -- the room's number in rooms
    version         INTEGER NOT NULL DEFAULT 1,
    sender          BLOB    NOT NULL,
    bot             INTEGER NOT NULL DEFAULT 0,
    hops            INTEGER NOT NULL DEFAULT 0,
    room            BLOB,
    number          INTEGER,
    target          BLOB,
    subject         BLOB,
    on_behalf_of    BLOB,
    cause           BLOB,
    previous        BLOB    NOT NULL,
    idempotency_key BLOB,
    fingerprint     BLOB,                        -- erased with the content
    status          INTEGER,
    count           INTEGER,
    facts           TEXT    NOT NULL DEFAULT '',
    content_digest  BLOB,
    salt            BLOB,                        -- erased with the content
    content         TEXT                         -- erased
) STRICT;

-- A short number for each room, so that the index below is a third as large and compares numbers.
CREATE TABLE rooms (
    place INTEGER PRIMARY KEY,
    room  BLOB NOT NULL UNIQUE
) STRICT;

-- The one index that every append touches: pages of messages (lane 0), what a room's members sync (lanes 0 and 1), and,
-- without a room, what the whole tenant syncs (lane 2).
CREATE INDEX events_place ON events (place, lane);

-- What few events have stands in tables of its own, as an index that the others do not pay for.
CREATE TABLE targets (
    target BLOB    NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (target, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE subjects (
    subject BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (subject, seq)
) STRICT, WITHOUT ROWID;

-- Which slot holds a message's view, and how much of it.
CREATE TABLE views (
    seq    INTEGER PRIMARY KEY,
    slot   INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    length INTEGER NOT NULL
) STRICT;

-- Views in places that keep their size and are never deleted. When SQLite moves a row to another page it leaves a copy
-- behind, also with secure_delete. A row that stays where it is has no copies: what overwrites it erases it. (The rows of
-- events stay as well: they are only added at the end, and only ever get shorter.)
CREATE TABLE view_slots (
    slot INTEGER PRIMARY KEY,
    json BLOB NOT NULL
) STRICT;

CREATE TABLE free_slots (
    size INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (size, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions (
    target INTEGER NOT NULL,
    user   BLOB    NOT NULL,
    emoji  TEXT    NOT NULL,
    PRIMARY KEY (target, user, emoji)
) STRICT, WITHOUT ROWID;

-- The empty blob as user is the whole room.
CREATE TABLE mentions (
    room   BLOB    NOT NULL,
    user   BLOB    NOT NULL,
    number INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (room, user, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX mentions_seq ON mentions (seq);

-- A cache of events.idempotency_key up to meta's idempotency_until: the first 64 bits of the key, checked against the row.
CREATE TABLE idempotency (
    hash INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE markers (
    user   BLOB    NOT NULL,
    room   BLOB    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    seq    INTEGER NOT NULL,
    format INTEGER NOT NULL,
    bytes  BLOB    NOT NULL
) STRICT;

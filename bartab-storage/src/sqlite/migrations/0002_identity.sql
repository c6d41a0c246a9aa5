-- Accounts, sessions and signing keys. Nothing here refers to the log, and nothing there refers here.

CREATE TABLE accounts (
    user_id      BLOB PRIMARY KEY,
    username     TEXT    NOT NULL,
    username_key TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL,
    owner        BLOB,    -- who answers for a bot
    display_name TEXT    NOT NULL,
    avatar       BLOB,
    profile_rev  INTEGER NOT NULL,
    password     TEXT,
    role         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    session_id   BLOB PRIMARY KEY,
    user_id      BLOB    NOT NULL,
    client_id    TEXT    NOT NULL,
    device_name  TEXT,
    scopes       TEXT    NOT NULL,
    family       BLOB    NOT NULL,
    current      BLOB    NOT NULL,
    previous     BLOB,
    spent_at     INTEGER,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    algorithm  TEXT    NOT NULL,
    public_jwk TEXT    NOT NULL,
    private    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    state      TEXT    NOT NULL
) STRICT;

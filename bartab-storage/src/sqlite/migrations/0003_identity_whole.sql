-- Second factors, rates, the account feed, external identities, invites, clients, consents, tickets and the audit trail.

-- What names people and what they keep secret, to be erased with them: in slots that never move, as views are (0001 says
-- why). Each slot begins with a line of its parts' lengths, `-` for a part that is none.
CREATE TABLE texts (
    slot  INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE free_texts (
    size INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (size, slot)
) STRICT, WITHOUT ROWID;

-- The one index that holds names. When somebody is erased it is written anew as a whole.
CREATE TABLE usernames (
    username_key TEXT PRIMARY KEY,
    user_id      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE accounts RENAME TO accounts_2;
ALTER TABLE sessions RENAME TO sessions_2;

CREATE TABLE accounts (
    user_id          BLOB PRIMARY KEY,
    kind             TEXT    NOT NULL,
    owner            BLOB,              -- who answers for a bot
    slot             INTEGER NOT NULL,  -- username, its key, display name, password, second factor's secret, recovery codes
    avatar           BLOB,
    profile_rev      INTEGER NOT NULL,
    role             TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    factor_confirmed INTEGER,
    factor_last_step INTEGER,
    rate_percent     INTEGER NOT NULL,
    rights_rev       INTEGER NOT NULL,
    rights_at        INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    messages_erased  INTEGER NOT NULL   -- of who is erased: whether what they wrote goes too
) STRICT;

CREATE TABLE sessions (
    session_id   BLOB PRIMARY KEY,
    user_id      BLOB    NOT NULL,
    client_id    TEXT    NOT NULL,
    slot         INTEGER,               -- the device's name
    scopes       TEXT    NOT NULL,
    methods      TEXT    NOT NULL,
    granted      INTEGER NOT NULL,      -- 1: a grant opened it, and no sign-in
    family       BLOB    NOT NULL,
    current      BLOB    NOT NULL,
    previous     BLOB,
    spent_at     INTEGER,
    successor    BLOB,                  -- what replaced `previous`, encrypted to who holds that
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

INSERT INTO texts (bytes)
SELECT CAST(text || printf('%*s', 63 - (length(CAST(text AS BLOB)) + 63) % 64, '') AS BLOB) FROM (
    SELECT rowid AS place, printf('%d %d %d %s - -', length(CAST(username AS BLOB)), length(CAST(username_key AS BLOB)),
               length(CAST(display_name AS BLOB)), coalesce(length(CAST(password AS BLOB)), '-'))
           || char(10) || username || username_key || display_name || coalesce(password, '') AS text
    FROM accounts_2
) ORDER BY place;

INSERT INTO accounts
SELECT user_id, kind, owner, row_number() OVER (ORDER BY rowid), avatar, profile_rev, role, state, NULL, NULL, 100, 0,
       created_at, created_at, 0
FROM accounts_2 ORDER BY rowid;

INSERT INTO usernames SELECT username_key, user_id FROM accounts_2;

INSERT INTO texts (bytes)
SELECT CAST(text || printf('%*s', 63 - (length(CAST(text AS BLOB)) + 63) % 64, '') AS BLOB) FROM (
    SELECT rowid AS place, length(CAST(device_name AS BLOB)) || char(10) || device_name AS text
    FROM sessions_2 WHERE device_name IS NOT NULL
) ORDER BY place;

INSERT INTO sessions
SELECT session_id, user_id, client_id,
       iif(device_name IS NULL, NULL, (SELECT count(*) FROM accounts)
           + row_number() OVER (PARTITION BY device_name IS NULL ORDER BY rowid)),
       scopes, 'pwd', 0, family, current, previous, spent_at, NULL, created_at, last_used_at, expires_at, ended_at
FROM sessions_2 ORDER BY rowid;

DROP TABLE accounts_2;
DROP TABLE sessions_2;

CREATE INDEX accounts_role ON accounts (role, user_id);
CREATE INDEX accounts_state ON accounts (state, user_id);
CREATE INDEX accounts_state_role ON accounts (state, role, user_id);
CREATE INDEX accounts_owner ON accounts (owner, user_id) WHERE owner IS NOT NULL;
CREATE INDEX accounts_bots ON accounts (user_id) WHERE owner IS NOT NULL;
CREATE INDEX accounts_rights ON accounts (rights_at) WHERE rights_rev > 0;

CREATE INDEX sessions_user ON sessions (user_id, session_id);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);

ALTER TABLE signing_keys ADD COLUMN state_since INTEGER NOT NULL DEFAULT 0;
UPDATE signing_keys SET state_since = created_at;

-- Written anew, too, when an identity in it goes.
CREATE TABLE external_identities (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BLOB NOT NULL,
    linked  INTEGER NOT NULL,    -- whether it was added to an account that was there already
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX external_identities_user ON external_identities (user_id);

-- Rows are only added at the end, each with the number after the last one's.
CREATE TABLE account_feed (
    number   INTEGER PRIMARY KEY,
    user_id  BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    news     TEXT    NOT NULL,
    rooms    BLOB,               -- of `created`: ids, one after the other
    inviter  BLOB,               -- of `created`: who made the invite
    messages INTEGER             -- of `erased`: whether what they wrote goes too
) STRICT;

-- Whoever was there before there was a feed.
INSERT INTO account_feed (number, user_id, at, news)
SELECT row_number() OVER (ORDER BY created_at, user_id), user_id, created_at, 'created' FROM accounts;

CREATE TABLE invites (
    invite_id  BLOB PRIMARY KEY,
    code       BLOB    NOT NULL UNIQUE,
    created_by BLOB,
    role       TEXT    NOT NULL,
    rooms      BLOB    NOT NULL,
    max_uses   INTEGER,
    uses       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX invites_creator ON invites (created_by, invite_id);

CREATE TABLE clients (
    client_id          TEXT PRIMARY KEY,
    kind               TEXT    NOT NULL,
    bot_id             BLOB,
    bot_user           BLOB,
    slot               INTEGER NOT NULL,  -- the name
    scopes             TEXT    NOT NULL,
    grants             TEXT    NOT NULL,
    id_token_algorithm TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    created_by         BLOB
) STRICT;

CREATE INDEX clients_bot ON clients (bot_user) WHERE bot_user IS NOT NULL;

CREATE TABLE client_redirects (
    client_id TEXT    NOT NULL,
    place     INTEGER NOT NULL,
    uri       TEXT    NOT NULL,
    PRIMARY KEY (client_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_secrets (
    client_id  TEXT    NOT NULL,
    place      INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (client_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE consents (
    user_id   BLOB NOT NULL,
    client_id TEXT NOT NULL,
    scopes    TEXT NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX consents_client ON consents (client_id);

CREATE TABLE tickets (
    purpose    TEXT    NOT NULL,
    secret     BLOB    NOT NULL,
    user_id    BLOB,
    slot       INTEGER NOT NULL,  -- the payload
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at   INTEGER,
    PRIMARY KEY (purpose, secret)
) STRICT, WITHOUT ROWID;

CREATE INDEX tickets_user ON tickets (user_id, purpose);
CREATE INDEX tickets_expires ON tickets (expires_at);

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   ANY     NOT NULL,  -- an account's id, or 'operator', or 'system'
    action  TEXT    NOT NULL,
    subject TEXT,
    reason  TEXT,
    details TEXT
) STRICT;

CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_actor_action ON audit (actor, action);
CREATE INDEX audit_subject ON audit (subject) WHERE subject IS NOT NULL;
CREATE INDEX audit_action ON audit (action);

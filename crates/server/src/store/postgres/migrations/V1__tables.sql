CREATE TABLE models (
    name      text PRIMARY KEY,
    settings  text NOT NULL DEFAULT '{}'  -- JSON: what an operator has said
);

CREATE TABLE versions (
    model         text NOT NULL REFERENCES models (name),
    version       bigint NOT NULL,
    etag          text NOT NULL,
    size          bigint NOT NULL,
    deltas        bigint NOT NULL,
    events        bigint NOT NULL,
    rows          bigint NOT NULL,
    changed_rows  bigint NOT NULL,
    digest        text NOT NULL,
    created       bigint NOT NULL,        -- milliseconds since 1970
    base          bytea,                  -- NULL: pruned
    PRIMARY KEY (model, version)
);
-- Bases are no text: trying to shrink them again costs time and gains nothing.
ALTER TABLE versions ALTER base SET STORAGE EXTERNAL;

-- What each version can be made again from.
CREATE TABLE lineage (
    model      text NOT NULL,
    version    bigint NOT NULL,
    made       text NOT NULL,             -- JSON
    aggregate  bytea,                     -- NULL: pruned
    PRIMARY KEY (model, version)
);

-- Next versions that are not published. The newest of a model alone has the bytes that it could be published from.
CREATE TABLE candidates (
    model      text NOT NULL,
    id         bigint NOT NULL,
    told       text NOT NULL,             -- JSON: numbers for people
    fold       text,                      -- JSON: the deltas
    aggregate  bytea,
    base       bytea,
    PRIMARY KEY (model, id)
);

-- In several rows a model, so that processes that commit at the same time do not wait for each other: the sum over the slots is the number.
CREATE TABLE counts (
    model    text NOT NULL REFERENCES models (name),
    slot     smallint NOT NULL,
    clients  bigint NOT NULL,             -- keys ever seen
    stored   bigint NOT NULL,             -- bytes of deltas, against the quota
    pending  bigint NOT NULL,             -- deltas that no version holds
    PRIMARY KEY (model, slot)
) WITH (fillfactor = 20);

-- The tables that grow with the visitors are partitioned by model and client key, and so is every unique index upon them.
CREATE TABLE clients (
    model     text NOT NULL,
    client    bytea NOT NULL,
    last_seq  bigint NOT NULL,
    seen      integer NOT NULL,           -- the day since 1970: what is written more than once a day moves no index
    PRIMARY KEY (model, client)
) PARTITION BY HASH (model, client);
CREATE INDEX clients_by_day ON clients (model, seen);

-- Which of a client's deltas is the next one is said by `clients`, in the same transaction.
CREATE SEQUENCE delta_ids CACHE 100;
CREATE TABLE deltas (
    id        bigint NOT NULL DEFAULT nextval('delta_ids'),
    model     text NOT NULL,
    client    bytea NOT NULL,
    events    bigint NOT NULL,
    received  bigint NOT NULL,            -- milliseconds since 1970
    version   bigint,                     -- NULL: it waits; 0: it was set aside
    bytes     bytea NOT NULL
) PARTITION BY HASH (model, client);
CREATE INDEX deltas_pending ON deltas (model, id) INCLUDE (client) WHERE version IS NULL;
CREATE INDEX deltas_folded ON deltas (model, version) WHERE version IS NOT NULL;

-- Of visitors that learn at the endpoint.
CREATE TABLE profiles (
    model   text NOT NULL,
    id      text NOT NULL,
    number  bigint NOT NULL,
    seen    integer NOT NULL,             -- the day since 1970
    bytes   bytea NOT NULL,
    PRIMARY KEY (model, id)
) PARTITION BY HASH (model, id);
CREATE INDEX profiles_by_day ON profiles (model, seen);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE clients_%s PARTITION OF clients FOR VALUES WITH (MODULUS 8, REMAINDER %s) WITH (fillfactor = 80)', n, n);
        EXECUTE format('CREATE TABLE deltas_%s PARTITION OF deltas FOR VALUES WITH (MODULUS 8, REMAINDER %s)', n, n);
        EXECUTE format('CREATE TABLE profiles_%s PARTITION OF profiles FOR VALUES WITH (MODULUS 8, REMAINDER %s) WITH (fillfactor = 80)', n, n);
        EXECUTE format('ALTER TABLE deltas_%s ALTER bytes SET STORAGE EXTERNAL', n);
    END LOOP;
END
$$;

-- What profiles are sealed with that somebody else keeps.
CREATE TABLE secret (
    id     integer PRIMARY KEY CHECK (id = 1),
    bytes  bytea NOT NULL
);

CREATE TABLE tokens (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    scope       text NOT NULL,
    check_with  bytea NOT NULL,           -- a hash, or a public key: no token can be made of it
    created     bigint NOT NULL           -- milliseconds since 1970
);

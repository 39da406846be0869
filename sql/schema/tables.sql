-- What an installation remembers of itself. One row.
CREATE TABLE IF NOT EXISTS projector.installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version text NOT NULL,
    fingerprint text NOT NULL,
    timezone text NOT NULL,
    erp_schema text NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
);

-- The sections as installed. `missing` names the optional table whose absence makes the section its empty default;
-- `fault` says why a section's text does not fit this ERP. Such a section goes on with the view of an earlier
-- installation; where there is none, it is broken.
CREATE TABLE IF NOT EXISTS projector.section (
    document text NOT NULL,
    name text NOT NULL,
    fingerprint text NOT NULL,
    missing text,
    PRIMARY KEY (document, name)
);

ALTER TABLE projector.section ADD COLUMN IF NOT EXISTS fault text;

-- The captured columns of each ERP table. `bit` is the column's place in outbox.changed, `slot` the outbox column
-- key_<slot> that carries its values where a route starts from it. Places are never reused: events that an
-- older trigger wrote stay readable after an upgrade.
CREATE TABLE IF NOT EXISTS projector.captured_column (
    source text NOT NULL,
    name text NOT NULL,
    bit smallint NOT NULL CHECK (bit BETWEEN 0 AND 62),
    slot smallint CHECK (slot BETWEEN 1 AND 4),
    PRIMARY KEY (source, name),
    UNIQUE (source, bit),
    UNIQUE (source, slot)
);

-- Change events, append-only: at most one row a statement and table. No unique key, so that ERP transactions never
-- wait for each other here.
-- operation: I, U, D, T (TRUNCATE), or X where the trigger could not tell what changed, with the error in `fault`; B is
-- the worker's own: build these documents (source is their kind, changed their sections), which takes long; its `fault`
-- says what for, a cause a line, and key_2, where there are several, which line is each document's own. H is a heartbeat,
-- which touches nothing.
-- changed: bits of the columns that an UPDATE changed, null for other operations; key_n: distinct old and new values.
CREATE TABLE IF NOT EXISTS projector.outbox (
    source text NOT NULL,
    operation "char" NOT NULL,
    changed bigint,
    key_1 bigint[],
    key_2 bigint[],
    key_3 bigint[],
    key_4 bigint[],
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fault text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- Lets claims begin behind what is finished, however many dead rows a long transaction keeps from being vacuumed.
-- Asked for first: IF NOT EXISTS would lock the table, and so wait for the ERP's writers, before it looks.
DO $$
BEGIN
    IF to_regclass('projector.outbox_xid') IS NULL THEN
        CREATE INDEX outbox_xid ON projector.outbox (xid);
    END IF;
END
$$;

-- Work that may wait: documents (or one section of them) to rebuild, those of one place of 64 ids in one row. Nothing is
-- unique: whoever queues waits for nobody who builds the same ones just now, and whoever claims a place claims all of its
-- rows. A row without ids is a fan-out that still has to be resolved into documents: the changed table, its route's
-- columns and their values. `cause`: what for, as the module projector.cause writes it.
CREATE TABLE IF NOT EXISTS projector.backlog (
    document text NOT NULL,
    section text NOT NULL DEFAULT '*',
    ids bigint[],
    place bigint GENERATED ALWAYS AS (ids[1] >> 6) STORED,
    fanout jsonb,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cause text,
    CHECK ((ids IS NULL) = (fanout IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Earlier versions had a row for each document. Asked for first, as above: builders hold the table.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'projector.backlog'::regclass AND attname = 'id') THEN
        ALTER TABLE projector.backlog ADD COLUMN ids bigint[];
        IF NOT EXISTS (SELECT FROM pg_attribute
                       WHERE attrelid = 'projector.backlog'::regclass AND attname = 'cause') THEN
            ALTER TABLE projector.backlog ADD COLUMN cause text;
        END IF;
        UPDATE projector.backlog SET ids = ARRAY[id] WHERE id IS NOT NULL;
        ALTER TABLE projector.backlog
            DROP COLUMN id,
            ADD COLUMN place bigint GENERATED ALWAYS AS (ids[1] >> 6) STORED,
            ADD CHECK ((ids IS NULL) = (fanout IS NOT NULL));
    END IF;
END
$$;

DO $$
BEGIN
    IF to_regclass('projector.backlog_places') IS NULL THEN
        CREATE INDEX backlog_places ON projector.backlog (document, place);
        CREATE INDEX backlog_fanouts ON projector.backlog (document, section) WHERE ids IS NULL;
    END IF;
END
$$;

DO $$
BEGIN
    IF to_regprocedure('projector.queue_all(text, text)') IS NOT NULL THEN
        DROP FUNCTION projector.queue_all(text, text);
    END IF;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'projector.backlog'::regclass AND attname = 'urgent') THEN
        ALTER TABLE projector.backlog DROP COLUMN urgent;
    END IF;
END
$$;

-- Sections that could not be built, with the error; retried with growing pauses. A row without id is a section that
-- is broken as a whole: it is left out of every document until it works again. `touches` counts the fresh changes that
-- left the section to its letter.
CREATE TABLE IF NOT EXISTS projector.dead_letter (
    document text NOT NULL,
    id bigint,
    section text NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retry_at timestamptz NOT NULL
);

ALTER TABLE projector.dead_letter ADD COLUMN IF NOT EXISTS touches integer NOT NULL DEFAULT 0;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint
               WHERE conrelid = 'projector.dead_letter'::regclass AND conname = 'dead_letter_pkey') THEN
        ALTER TABLE projector.dead_letter DROP CONSTRAINT dead_letter_pkey, ALTER COLUMN id DROP NOT NULL;
    END IF;
END
$$;

CREATE UNIQUE INDEX IF NOT EXISTS dead_letter_document ON projector.dead_letter (document, id, section);

CREATE UNIQUE INDEX IF NOT EXISTS dead_letter_section ON projector.dead_letter (document, section) WHERE id IS NULL;

-- Spans in which the source counted its transactions upwards; versions of a later epoch win. Another cluster or another
-- timeline begins one, and so does a crash: transactions whose records were not on disk yet are counted again.
CREATE TABLE IF NOT EXISTS projector.epoch (
    epoch bigint PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'projector.epoch'::regclass
               AND conname = 'epoch_system_identifier_timeline_key') THEN
        ALTER TABLE projector.epoch DROP CONSTRAINT epoch_system_identifier_timeline_key;
    END IF;
END
$$;

-- The epoch that goes on. Unlogged, because a crash empties it, which nothing else tells of one that is over.
CREATE UNLOGGED TABLE IF NOT EXISTS projector.current_epoch (
    epoch bigint PRIMARY KEY
);

-- Complete rebuilds under way: the read API learns that a kind of document is built when its row goes.
CREATE TABLE IF NOT EXISTS projector.rebuild (
    document text PRIMARY KEY,
    reason text NOT NULL,
    documents bigint,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What each shard of Redis was last seen to hold, by the key of its state: its mark, and its count of published batches.
-- A lower count, seen by whichever worker comes next, means that it took back documents that it had acknowledged.
CREATE TABLE IF NOT EXISTS projector.redis_shard (
    state_key text PRIMARY KEY,
    instance text NOT NULL,
    published bigint NOT NULL
);

DO $$
BEGIN
    IF to_regclass('projector.redis_state') IS NOT NULL THEN
        INSERT INTO projector.redis_shard (state_key, instance, published)
        SELECT 'projector:state', instance, published FROM projector.redis_state
        ON CONFLICT DO NOTHING;
        DROP TABLE projector.redis_state;
    END IF;
END
$$;

-- Whether a worker sleeps: 2 when one does, 1 when none. A sequence, because its last value can be read at any
-- isolation level, by the plain expression pg_sequence_last_value(), and set without waiting for anybody.
CREATE SEQUENCE IF NOT EXISTS projector.asleep MINVALUE 1 MAXVALUE 2 START 1 CYCLE;

-- How far the audit has come with each kind of document: the place in its ids. The kind '*' is the walk through the keys
-- of Redis, whose place is a SCAN cursor. A pass that found drift is followed by a few in haste.
CREATE TABLE IF NOT EXISTS projector.audit (
    document text PRIMARY KEY,
    place text NOT NULL DEFAULT '',
    found integer NOT NULL DEFAULT 0,
    hasty_passes integer NOT NULL DEFAULT 0,
    finished_at timestamptz
);

-- What the audit found to be served otherwise than a fresh build says; the newest 1,000.
CREATE TABLE IF NOT EXISTS projector.drift (
    document text NOT NULL,
    id bigint NOT NULL,
    section text NOT NULL,
    detail text NOT NULL,
    repaired boolean NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Triggers of ours that a worker found disabled or gone: when they are back, what reads their table is queued.
CREATE TABLE IF NOT EXISTS projector.trigger_fault (
    source text NOT NULL,
    place text PRIMARY KEY,
    fault text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The drain of the backlog since it was last empty: rows done, when it began, and when that was last written.
CREATE TABLE IF NOT EXISTS projector.backlog_progress (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    began_at timestamptz,
    done bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whether changes are captured: 2 while `projector pause` keeps the triggers from doing anything, else 1. A sequence for
-- the same reasons: pausing waits for nobody and holds for the statements that begin after it.
CREATE SEQUENCE IF NOT EXISTS projector.capture MINVALUE 1 MAXVALUE 2 START 1 CYCLE;

ALTER TABLE projector.installation ADD COLUMN IF NOT EXISTS paused_at timestamptz;

-- Tables whose triggers cannot tell what changed (the ERP renamed or dropped a column): until the next installation,
-- each change rebuilds everything that reads them.
CREATE TABLE IF NOT EXISTS projector.capture_fault (
    source text PRIMARY KEY,
    fault text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    latest timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Sections to rebuild once every transaction older than `after` has ended: what these changed may be in no event,
-- because capture was paused or did not know the column yet.
CREATE TABLE IF NOT EXISTS projector.reconciliation (
    document text NOT NULL,
    section text NOT NULL,
    after xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (document, section)
);

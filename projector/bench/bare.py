"""The least that could keep a document fresh: LISTEN, one SELECT of a section's view, one SET. No fence, no outbox, no
second section, and whatever happens while it is away is lost."""

import sys

import psycopg
import redis

from projector.bench.helper import say

KEY = "bare:product:{id}"
PREPARE_ERP = """
ALTER TABLE inventory_items DISABLE TRIGGER USER;
CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('bench', NEW.product_id::text); RETURN NULL; END $$;
CREATE TRIGGER bench_notify AFTER UPDATE ON inventory_items FOR EACH ROW EXECUTE FUNCTION bench_notify();
"""
_SELECT = "SELECT value::text FROM projector.product_inventory WHERE id = %s"


def main() -> None:
    """Until it is stopped."""
    database_url, redis_url = sys.argv[1:]
    with (
        psycopg.connect(database_url, autocommit=True) as listener,
        psycopg.connect(database_url, autocommit=True) as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        reader.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
        listener.execute("LISTEN bench")
        say(ready=True)
        for notification in listener.notifies():
            row = reader.execute(_SELECT, (int(notification.payload),), prepare=True).fetchone()
            if row is not None:
                client.set(KEY.format(id=notification.payload), row[0])


if __name__ == "__main__":
    main()

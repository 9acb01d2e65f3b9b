"""Writes down every change of a job's row, every end of an attempt and every row that points to an object, in the
database itself: nothing slips by.

Triggers of a database that a run makes for itself; the product knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from tests.chaos.observed import Change, End, Pointer

_TRIGGERS: Final = """
CREATE TABLE chaos_changes (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    job uuid NOT NULL, before text, after text NOT NULL, pool text NOT NULL, fence bigint, crash_count int NOT NULL,
    progress float8 NOT NULL
);
CREATE TABLE chaos_ends (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    job uuid NOT NULL, fence bigint NOT NULL, before text, after text
);
CREATE TABLE chaos_pointers (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    job uuid NOT NULL, key text NOT NULL, sha256 text NOT NULL
);
-- As their owner: the roles of the service have no rights to these tables, and need none.
CREATE FUNCTION chaos_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO chaos_changes (job, after, pool, fence, crash_count, progress)
        VALUES (NEW.id, NEW.state, NEW.pool, NEW.fence, NEW.crash_count, NEW.progress);
    ELSIF OLD.finished_at IS NOT NULL OR (OLD.state, OLD.pool, OLD.fence, OLD.crash_count, OLD.progress)
            IS DISTINCT FROM (NEW.state, NEW.pool, NEW.fence, NEW.crash_count, NEW.progress) THEN
        INSERT INTO chaos_changes (job, before, after, pool, fence, crash_count, progress)
        VALUES (NEW.id, OLD.state, NEW.state, NEW.pool, NEW.fence, NEW.crash_count, NEW.progress);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_ends (job, fence, before, after) VALUES (NEW.job_id, NEW.fence, OLD.outcome, NEW.outcome);
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_pointers (job, key, sha256) VALUES (NEW.job_id, NEW.object_key, encode(NEW.sha256, 'hex'));
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_result() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_pointers (job, key, sha256)
    SELECT NEW.job_id, place->>'key', place->>'sha256' FROM jsonb_each(NEW.artefacts) AS file (name, place);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_change AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION chaos_change();
CREATE TRIGGER chaos_end AFTER UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION chaos_end();
CREATE TRIGGER chaos_stage AFTER INSERT OR UPDATE ON stage_outputs FOR EACH ROW EXECUTE FUNCTION chaos_stage();
CREATE TRIGGER chaos_result AFTER INSERT ON transcripts FOR EACH ROW EXECUTE FUNCTION chaos_result();
"""


def install(connection: Connection) -> None:
    """Begin to write down; the connection is the tables' owner's."""
    connection.exec_driver_sql(_TRIGGERS)


def changes(connection: Connection) -> tuple[Change, ...]:
    """All changes of jobs, in order."""
    rows = connection.execute(
        text("SELECT *, extract(epoch FROM at)::float8 AS seconds FROM chaos_changes ORDER BY number")
    ).mappings()
    return tuple(
        Change(at=row["seconds"], **{name: row[name] for name in Change.__slots__ if name != "at"}) for row in rows
    )


def ends(connection: Connection) -> tuple[End, ...]:
    """All ends of attempts, in order."""
    rows = connection.execute(text("SELECT * FROM chaos_ends ORDER BY number")).mappings()
    return tuple(End(**{name: row[name] for name in End.__slots__}) for row in rows)


def pointers(connection: Connection) -> tuple[Pointer, ...]:
    """All writes of rows that point to objects, in order."""
    rows = connection.execute(
        text("SELECT *, extract(epoch FROM at)::float8 AS seconds FROM chaos_pointers ORDER BY number")
    )
    return tuple(Pointer(job=row.job, key=row.key, sha256=row.sha256, at=row.seconds) for row in rows)


def fences(connection: Connection, jobs: list[UUID]) -> Mapping[UUID, tuple[str, int | None]]:
    """State and fence of some jobs as they are now."""
    rows = connection.execute(text("SELECT id, state, fence FROM jobs WHERE id = ANY(:jobs)"), {"jobs": jobs})
    return {row.id: (row.state, row.fence) for row in rows}

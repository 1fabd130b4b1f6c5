"""One process per PBX, on both databases."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from sqlalchemy import update

from core.db import Database
from pbx_bridge.lease import LEASE_S, Lease, LeaseLostError
from pbx_bridge.tables import PbxHeartbeat


async def test_the_second_reader_waits(database: Database) -> None:
    first, second = Lease(database, "main"), Lease(database, "main")
    second.owner = "elsewhere/1/x"
    assert await second.take(100.0)
    assert not await first.take(100.0 + LEASE_S - 1)
    assert await first.take(100.0 + LEASE_S + 1)
    assert not await second.renew(117.0, None)


async def test_another_pbx_is_another_lease(database: Database) -> None:
    first, second = Lease(database, "main"), Lease(database, "branch")
    assert await first.take(100.0)
    assert await second.take(100.0)


async def test_a_released_lease_is_free(database: Database) -> None:
    first, second = Lease(database, "main"), Lease(database, "main")
    first.owner = "elsewhere/1/x"
    assert await first.take(100.0)
    await first.release()
    assert await second.take(100.1)


async def test_a_dead_process_of_this_machine_holds_nothing(database: Database) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    first, second = Lease(database, "main"), Lease(database, "main")
    first.owner = f"{socket.gethostname()}/{dead.pid}/x"
    assert await first.take(100.0)
    assert await second.take(100.1)


async def test_a_living_process_of_this_machine_keeps_its_lease(database: Database) -> None:
    first, second = Lease(database, "main"), Lease(database, "main")
    first.owner = f"{socket.gethostname()}/{os.getppid()}/x"
    assert await first.take(100.0)
    assert not await second.take(100.1)


async def test_when_we_last_saw_the_pbx_survives_the_reader(database: Database) -> None:
    lease = Lease(database, "main")
    assert await lease.seen_at() is None
    await lease.take(100.0)
    await lease.renew(102.0, 102.0)
    await lease.renew(104.0, None)
    assert await Lease(database, "main").seen_at() == 102.0


async def test_losing_the_row_to_another_is_noticed(database: Database) -> None:
    lease = Lease(database, "main")
    await lease.take(100.0)
    async with database.write() as connection:
        await connection.execute(update(PbxHeartbeat).values(owner="elsewhere/1/x"))
    assert not await lease.renew(101.0, 101.0)


async def test_a_write_is_done_once_however_often_it_is_tried(database: Database) -> None:
    lease = Lease(database, "main")
    await lease.take(100.0)
    step = lease.next_step()
    async with database.write() as connection:
        assert await lease.begin(connection, step)
    async with database.write() as connection:
        assert not await lease.begin(connection, step)
        assert await lease.begin(connection, lease.next_step())


async def test_a_write_that_was_rolled_back_may_be_tried_again(database: Database) -> None:
    lease = Lease(database, "main")
    await lease.take(100.0)
    step = lease.next_step()
    with pytest.raises(RuntimeError, match="died"):
        async with database.write() as connection:
            assert await lease.begin(connection, step)
            raise RuntimeError("died")
    async with database.write() as connection:
        assert await lease.begin(connection, step)


async def test_a_write_that_waited_while_the_lease_changed_hands_comes_too_late(database: Database) -> None:
    first, second = Lease(database, "main"), Lease(database, "main")
    first.owner = "elsewhere/1/x"
    await first.take(100.0)
    step = first.next_step()
    assert await second.take(100.0 + LEASE_S + 1)
    with pytest.raises(LeaseLostError):
        async with database.write() as connection:
            await first.begin(connection, step)
    async with database.write() as connection:
        assert await second.begin(connection, second.next_step())

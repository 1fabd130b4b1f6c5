"""`ringback api-key …`: keys for programs, made by whoever administers this machine. A key is printed once and stored
as a hash; what it may do stands in its scopes."""

from __future__ import annotations

from config.settings import Settings
from core.api_keys import create_key, list_keys, revoke_key
from core.clock import iso, system_clock
from server.people.command import open_database


async def add(settings: Settings, name: str, scopes: list[str]) -> None:
    async with open_database(settings) as database, database.write() as connection:
        key, text = await create_key(connection, name, scopes, system_clock())
    print(f"key {key.id} ({key.name}) may: {' '.join(sorted(key.scopes))}")
    print(f"It is shown this once: {text}")


async def show(settings: Settings) -> None:
    async with open_database(settings) as database, database.read() as connection:
        keys = await list_keys(connection)
    for key in keys:
        state = "revoked" if key.revoked else f"last used {iso(key.last_used_at) or 'never'}"
        print(f"{key.id}\trb_{key.prefix}_…\t{key.name}\t{' '.join(sorted(key.scopes))}\t{state}")
    if not keys:
        print("there are no API keys")


async def revoke(settings: Settings, key_id: int) -> None:
    async with open_database(settings) as database, database.write() as connection:
        await revoke_key(connection, key_id, system_clock())
    print(f"key {key_id} opens nothing any more")

"""People who log in: their tables, roles, phones, and the writes that create and change them. Names and hashed
passwords go in, frozen `User`s come out. Passwords are hashed in `core/passwords.py`, sessions live in
`core/sessions.py`, API keys in `core/api_keys.py`; who may call these functions is decided by `server/web/guard.py`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Double, ForeignKey, String, UniqueConstraint, delete, exc, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.errors import ConflictError, InvalidInputError, NotFoundError

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
NAME_LENGTH = 120
DEVICE_LENGTH = 120
EXTENSION_LENGTH = 40
MAX_DEVICES = 10
"""More phones than one person can reach; a bound, not a wish."""


class Role(StrEnum):
    """What somebody may do. Each role may also do everything the ones before it may."""

    AGENT = "agent"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"

    def covers(self, needed: Role) -> bool:
        """Whether this role is enough where `needed` is asked for."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class UserRow(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[float] = mapped_column(Double)
    password_changed_at: Mapped[float] = mapped_column(Double)
    disabled_at: Mapped[float | None] = mapped_column(Double)


class UserDeviceRow(Base):
    """A phone belongs to one person: whoever it rings is who gets the card."""

    __tablename__ = "user_devices"
    __table_args__ = (UniqueConstraint("pbx", "device"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    pbx: Mapped[str] = mapped_column(String(60))
    device: Mapped[str] = mapped_column(String(DEVICE_LENGTH))
    extension: Mapped[str] = mapped_column(String(EXTENSION_LENGTH))


@dataclass(frozen=True, slots=True)
class UserDevice:
    """`device` is a channel without its suffix (`PJSIP/101`), `extension` what people dial to reach it."""

    pbx: str
    device: str
    extension: str


@dataclass(frozen=True, slots=True)
class User:
    id: int
    login: str
    name: str
    role: Role
    disabled: bool
    devices: tuple[UserDevice, ...]


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is needed to create somebody; the password is hashed already."""

    login: str
    name: str
    role: Role
    password_hash: str
    devices: tuple[UserDevice, ...] = ()


async def create_user(connection: AsyncConnection, new: NewUser, now: float) -> User:
    """Raises InvalidInputError for an unusable login, name or device, ConflictError when login or phone is taken."""
    login, name = clean_login(new.login), clean_name(new.name)
    values = {
        "login": login,
        "name": name,
        "role": new.role.value,
        "password_hash": new.password_hash,
        "created_at": now,
        "password_changed_at": now,
        "disabled_at": None,
    }
    if await find_user_by_login(connection, login) is not None:
        raise ConflictError(f"the login {login!r} exists already")
    try:
        result = await connection.execute(insert(UserRow).values(values).returning(UserRow.id))
    except exc.IntegrityError as error:  # two administrators in the same second
        raise ConflictError(f"the login {login!r} exists already") from error
    user_id = int(result.scalar_one())
    await set_devices(connection, user_id, new.devices)
    return await require_user(connection, user_id)


async def find_user(connection: AsyncConnection, user_id: int) -> User | None:
    return next(iter(await _users(connection, UserRow.id == user_id)), None)


async def require_user(connection: AsyncConnection, user_id: int) -> User:
    """Raises NotFoundError when there is nobody with this id."""
    user = await find_user(connection, user_id)
    if user is None:
        raise NotFoundError(f"there is no user {user_id}")
    return user


async def find_user_by_login(connection: AsyncConnection, login: str) -> User | None:
    return next(iter(await _users(connection, UserRow.login == login.strip().lower())), None)


async def list_users(connection: AsyncConnection) -> list[User]:
    """Everybody, disabled people last, by name."""
    users = await _users(connection)
    return sorted(users, key=lambda user: (user.disabled, user.name.casefold(), user.id))


async def password_hash_of(connection: AsyncConnection, user_id: int) -> str:
    result = await connection.execute(select(UserRow.password_hash).where(UserRow.id == user_id))
    return result.scalar_one()


async def rename_user(connection: AsyncConnection, user_id: int, name: str, role: Role) -> None:
    """Raises InvalidInputError for an unusable name, ConflictError when nobody could administer afterwards."""
    await _keep_an_administrator(connection, user_id, stays=role is Role.ADMINISTRATOR)
    await _change(connection, user_id, name=clean_name(name), role=role.value)


async def set_disabled(connection: AsyncConnection, user_id: int, disabled: bool, now: float) -> None:
    """Raises ConflictError when nobody could administer afterwards. Ending the sessions is the caller's part."""
    await _keep_an_administrator(connection, user_id, stays=not disabled)
    await _change(connection, user_id, disabled_at=now if disabled else None)


async def set_password(connection: AsyncConnection, user_id: int, password_hash: str, now: float) -> None:
    """Ending the sessions is the caller's part."""
    await _change(connection, user_id, password_hash=password_hash, password_changed_at=now)


async def set_devices(connection: AsyncConnection, user_id: int, devices: Sequence[UserDevice]) -> None:
    """Replace all phones of one person. Raises InvalidInputError, or ConflictError naming whose phone it is."""
    cleaned = [clean_device(device) for device in devices]
    if len(cleaned) > MAX_DEVICES:
        raise InvalidInputError(f"at most {MAX_DEVICES} phones for one person", field="devices")
    await _refuse_taken(connection, user_id, cleaned)
    await connection.execute(delete(UserDeviceRow).where(UserDeviceRow.user_id == user_id))
    rows = [
        {"user_id": user_id, "pbx": d.pbx, "device": d.device, "extension": d.extension}
        for d in dict.fromkeys(cleaned)
    ]
    if not rows:
        return
    try:
        await connection.execute(insert(UserDeviceRow), rows)
    except exc.IntegrityError as error:
        raise ConflictError("a phone can belong to one person only, and be listed once") from error


def clean_login(text: str) -> str:
    """Trimmed and lower-case. Raises InvalidInputError with what is allowed."""
    login = text.strip().lower()
    if not LOGIN.fullmatch(login):
        raise InvalidInputError(
            "a login has 1 to 64 of the characters a-z 0-9 . _ @ - and starts with a letter or digit",
            field="login",
        )
    return login


def clean_name(text: str) -> str:
    """Single-spaced. Raises InvalidInputError when empty or too long."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInputError(f"a name has 1 to {NAME_LENGTH} printable characters", field="name")
    return name


def clean_device(device: UserDevice) -> UserDevice:
    """Trimmed. Raises InvalidInputError when a part is missing or the device is not like `PJSIP/101`."""
    pbx, name, extension = device.pbx.strip(), device.device.strip(), device.extension.strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", pbx):
        raise InvalidInputError(f"{pbx!r} is not the name of a PBX in the settings", field="devices")
    if not re.fullmatch(r"[A-Za-z0-9]+/[^\s/;]+(/n)?", name) or len(name) > DEVICE_LENGTH:
        raise InvalidInputError(
            f"{name!r} is not a device: write technology and name, such as PJSIP/101", field="devices"
        )
    if not re.fullmatch(rf"[0-9A-Za-z+*#_.-]{{1,{EXTENSION_LENGTH}}}", extension):
        raise InvalidInputError(
            f"{extension!r} is not an extension: write what people dial, such as 101", field="devices"
        )
    return UserDevice(pbx, name, extension)


async def _users(connection: AsyncConnection, *conditions: object) -> list[User]:
    rows = (await connection.execute(select(UserRow).where(*conditions))).all()  # type: ignore[arg-type]
    devices = await _devices_of(connection, [row.id for row in rows])
    return [
        User(
            row.id,
            row.login,
            row.name,
            Role(row.role),
            row.disabled_at is not None,
            tuple(devices[row.id]),
        )
        for row in rows
    ]


async def _devices_of(connection: AsyncConnection, user_ids: Iterable[int]) -> dict[int, list[UserDevice]]:
    devices: dict[int, list[UserDevice]] = defaultdict(list)
    result = await connection.execute(
        select(UserDeviceRow.user_id, UserDeviceRow.pbx, UserDeviceRow.device, UserDeviceRow.extension)
        .where(UserDeviceRow.user_id.in_(list(user_ids)))
        .order_by(UserDeviceRow.id)
    )
    for user_id, pbx, device, extension in result:
        devices[user_id].append(UserDevice(pbx, device, extension))
    return devices


async def _refuse_taken(connection: AsyncConnection, user_id: int, devices: Sequence[UserDevice]) -> None:
    for device in devices:
        owner = await connection.execute(
            select(UserRow.name)
            .join(UserDeviceRow, UserDeviceRow.user_id == UserRow.id)
            .where(
                UserDeviceRow.pbx == device.pbx,
                UserDeviceRow.device == device.device,
                UserRow.id != user_id,
            )
        )
        if name := owner.scalar_one_or_none():
            raise ConflictError(f"{device.device} on {device.pbx} belongs to {name}: remove it there first")


async def _keep_an_administrator(connection: AsyncConnection, user_id: int, *, stays: bool) -> None:
    if stays:
        return
    others = await connection.execute(
        select(UserRow.id).where(
            UserRow.role == Role.ADMINISTRATOR.value,
            UserRow.disabled_at.is_(None),
            UserRow.id != user_id,
        )
    )
    target = await require_user(connection, user_id)
    if others.first() is None and target.role is Role.ADMINISTRATOR and not target.disabled:
        raise ConflictError("this is the last administrator: make somebody else one first")


async def _change(connection: AsyncConnection, user_id: int, **values: object) -> None:
    result = await connection.execute(update(UserRow).where(UserRow.id == user_id).values(values))
    if result.rowcount != 1:
        raise NotFoundError(f"there is no user {user_id}")

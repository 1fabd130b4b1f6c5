"""People, sessions, API keys and the brake on guessing, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from core import accounts, api_keys, passwords, sessions
from core.accounts import NewUser, Role, User, UserDevice
from core.accounts_import import import_users
from core.csv_files import decoded
from core.db import Database
from core.errors import ConflictError, InvalidInputError, TooManyRequestsError

NOW = 1_790_000_000.0
HASH = "$argon2id$unused"


async def add(database: Database, login: str, role: Role = Role.AGENT, *devices: UserDevice) -> User:
    async with database.write() as connection:
        new = NewUser(login, login.title(), role, HASH, devices)
        return await accounts.create_user(connection, new, NOW)


PHONE = UserDevice("main", "PJSIP/101", "101")


def test_roles_cover_the_ones_before_them() -> None:
    assert Role.ADMINISTRATOR.covers(Role.AGENT)
    assert Role.MANAGER.covers(Role.MANAGER)
    assert not Role.AGENT.covers(Role.MANAGER)


async def test_a_user_comes_back_as_created(database: Database) -> None:
    user = await add(database, "Anna.K", Role.MANAGER, PHONE)
    assert user == User(user.id, "anna.k", "Anna.K", Role.MANAGER, False, (PHONE,))
    async with database.read() as connection:
        assert await accounts.find_user_by_login(connection, " ANNA.k ") == user


async def test_a_login_exists_once(database: Database) -> None:
    await add(database, "anna")
    with pytest.raises(ConflictError, match="exists already"):
        await add(database, "ANNA")


async def test_a_phone_belongs_to_one_person_and_the_complaint_says_whose(database: Database) -> None:
    await add(database, "anna", Role.AGENT, PHONE)
    with pytest.raises(ConflictError, match="belongs to Anna"):
        await add(database, "bartek", Role.AGENT, PHONE)


@pytest.mark.parametrize(
    "device",
    [
        UserDevice("main", "101", "101"),
        UserDevice("main", "PJSIP/1 01", "101"),
        UserDevice("", "PJSIP/101", "101"),
        UserDevice("main", "PJSIP/101", ""),
    ],
)
async def test_an_unusable_phone_is_refused(database: Database, device: UserDevice) -> None:
    with pytest.raises(InvalidInputError):
        await add(database, "anna", Role.AGENT, device)


@pytest.mark.parametrize("login", ["", " ", "-x", "a b", "ą", "a" * 65])
async def test_an_unusable_login_is_refused(database: Database, login: str) -> None:
    with pytest.raises(InvalidInputError):
        await add(database, login)


async def test_the_last_administrator_can_neither_leave_nor_step_down(database: Database) -> None:
    chief = await add(database, "chief", Role.ADMINISTRATOR)
    async with database.write() as connection:
        with pytest.raises(ConflictError):
            await accounts.set_disabled(connection, chief.id, True, NOW)
        with pytest.raises(ConflictError):
            await accounts.rename_user(connection, chief.id, "Chief", Role.AGENT)
    await add(database, "second", Role.ADMINISTRATOR)
    async with database.write() as connection:
        await accounts.set_disabled(connection, chief.id, True, NOW)


async def test_a_password_is_recognised_and_another_is_not() -> None:
    hashed = await passwords.hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify_password(hashed, "correct horse")
    assert not await passwords.verify_password(hashed, "correct house")
    assert not await passwords.verify_password(None, "correct horse")
    assert not await passwords.verify_password("not a hash", "correct horse")


async def test_the_line_for_hashing_is_bounded() -> None:
    tries = (passwords.verify_password(None, "x") for _ in range(passwords.MAX_WAITING + 2))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, TooManyRequestsError) for answer in answers) == 2


async def test_a_session_lives_until_it_idles_out_or_ends(database: Database) -> None:
    user = await add(database, "anna")
    async with database.write() as connection:
        token = await sessions.start_session(connection, user.id, NOW, address="::1", browser="test")
        hashed = sessions.hash_token(token)
        assert token not in hashed
        session = await sessions.read_session(connection, hashed, NOW + 10)
        assert session is not None
        assert session.user == user
        assert not session.stale
        assert await sessions.read_session(connection, sessions.hash_token("guess"), NOW) is None
        assert await sessions.read_session(connection, hashed, NOW + sessions.IDLE_S) is None
        await sessions.touch_session(connection, hashed, NOW + sessions.LIFETIME_S - 1)
        assert await sessions.read_session(connection, hashed, NOW + sessions.LIFETIME_S - 1) is not None
        assert await sessions.read_session(connection, hashed, NOW + sessions.LIFETIME_S) is None
        await sessions.end_session(connection, hashed)
        assert await sessions.read_session(connection, hashed, NOW + 10) is None


async def test_a_disabled_user_has_no_session(database: Database) -> None:
    user = await add(database, "anna")
    async with database.write() as connection:
        token = await sessions.start_session(connection, user.id, NOW, address="::1", browser="test")
        await accounts.set_disabled(connection, user.id, True, NOW)
        assert await sessions.read_session(connection, sessions.hash_token(token), NOW) is None


async def test_the_oldest_browser_goes_when_there_are_too_many(database: Database) -> None:
    user = await add(database, "anna")
    async with database.write() as connection:
        tokens = [
            await sessions.start_session(connection, user.id, NOW + n, address="::1", browser="test")
            for n in range(sessions.SESSIONS_PER_USER + 1)
        ]
        first = await sessions.read_session(connection, sessions.hash_token(tokens[0]), NOW + 60)
        second = await sessions.read_session(connection, sessions.hash_token(tokens[1]), NOW + 60)
    assert first is None
    assert second is not None


async def try_login(database: Database, login: str, address: str, at: float) -> None:
    async with database.write() as connection:
        await sessions.count_login_attempt(connection, login, address, at)


async def test_guessing_gets_slower_and_slower_also_after_a_restart(
    database: Database, database_url: str
) -> None:
    for n in range(sessions.FREE_FAILURES["pair"]):
        await try_login(database, "anna", "192.0.2.1", NOW + n)
    reopened = Database(database_url)
    with pytest.raises(TooManyRequestsError) as refusal:
        await try_login(reopened, "anna", "192.0.2.1", NOW + 5)
    assert 1 <= refusal.value.retry_after <= sessions.FIRST_WAIT_S
    await try_login(reopened, "anna", "192.0.2.2", NOW + 5)  # the same person elsewhere is not locked out
    await try_login(reopened, "anna", "192.0.2.1", NOW + 30)
    with pytest.raises(TooManyRequestsError) as longer:
        await try_login(reopened, "anna", "192.0.2.1", NOW + 31)
    assert longer.value.retry_after > refusal.value.retry_after
    await reopened.close()


async def test_a_right_password_forgives_and_time_forgets(database: Database) -> None:
    for n in range(sessions.FREE_FAILURES["pair"]):
        await try_login(database, "anna", "192.0.2.1", NOW + n)
    async with database.write() as connection:
        await sessions.forgive_login(connection, "anna", "192.0.2.1")
    for n in range(sessions.FREE_FAILURES["pair"]):
        await try_login(database, "anna", "192.0.2.1", NOW + 10 + n)
    later = NOW + 100 + sessions.FORGET_AFTER_S
    await try_login(database, "anna", "192.0.2.1", later)
    await try_login(database, "anna", "192.0.2.1", later + 1)


async def test_many_logins_from_one_address_are_slowed_down(database: Database) -> None:
    for n in range(sessions.FREE_FAILURES["address"]):
        await try_login(database, f"user{n}", "192.0.2.9", NOW)
    with pytest.raises(TooManyRequestsError):
        await try_login(database, "another", "192.0.2.9", NOW)


async def test_an_api_key_is_shown_once_and_can_be_revoked(database: Database) -> None:
    async with database.write() as connection:
        key, text = await api_keys.create_key(connection, "Reports", ["calls:read"], NOW)
        found = await api_keys.read_key(connection, text)
        assert found is not None
        assert (found.id, found.scopes) == (key.id, frozenset({"calls:read"}))
        wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
        assert await api_keys.read_key(connection, wrong) is None
        assert await api_keys.read_key(connection, "rb_junk") is None
        await api_keys.revoke_key(connection, key.id, NOW)
        assert await api_keys.read_key(connection, text) is None
        with pytest.raises(InvalidInputError):
            await api_keys.create_key(connection, "Reports", ["everything"], NOW)


async def test_an_import_creates_the_good_lines_and_names_the_bad_ones(database: Database) -> None:
    text = (
        "login,name,role,password,devices\n"
        "anna,Anna Kowalska,manager,long enough secret,main:PJSIP/101:101\n"
        "bartek,Bartek Nowak,,,main:PJSIP/102:102; main:PJSIP/m2:17\n"
        "celina,Celina,boss,,\n"
        "daria,Daria,agent,short,\n"
        "edek,Edek,agent,,PJSIP/103\n"
        "anna,Anna Again,agent,,\n"
    )
    report = await import_users(database, text, NOW)
    assert report.created == 2
    assert list(report.passwords) == ["bartek"]
    assert [line for line, _ in report.failed] == [4, 5, 6, 7]
    async with database.read() as connection:
        users = {user.login: user for user in await accounts.list_users(connection)}
        assert users["anna"].role is Role.MANAGER
        assert [d.extension for d in users["bartek"].devices] == ["102", "17"]
        stored = await accounts.password_hash_of(connection, users["anna"].id)
    assert await passwords.verify_password(stored, "long enough secret")


@pytest.mark.parametrize("head", ["", "sep=;\r\n", "\r\n"])
async def test_people_come_as_spreadsheets_save_them(database: Database, head: str) -> None:
    phones = '"main:PJSIP/101:101;\r\nmain:PJSIP/m1:17"'
    raw = (
        f"{head}Login;Name;devices\r\nanna;Anna;{phones}\r\nbartek;Bartek;;;\r\ncelina;Celina;;x\r\n".encode(
            "utf-16"
        )
    )
    report = await import_users(database, decoded(raw), NOW)
    assert sorted(report.passwords) == ["anna", "bartek"]
    last = 5 if not head else 6
    assert report.failed == [
        (last, "it has 4 cells for 3 columns: put quotes around a cell that holds a comma")
    ]
    async with database.read() as connection:
        (anna, _) = await accounts.list_users(connection)
    assert [one.extension for one in anna.devices] == ["101", "17"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "the first line names the columns: login,name,role.*Here it says 'a'"),
        ("login,role\nanna,agent\n", "all but login and name may be left out"),
        ("login,name,login\n", "none may come twice"),
        ("", "login,name,role"),
        ("login,name\n", "there is nobody in this file"),
        ('login,name\nanna,Anna\nbartek,"Bar\n', "line 3 is no line of a table.*quotation mark"),
        ("login,name\n" + "anna,Anna\n" * 2001, "at most 2000 people in one file: put those from line 2002"),
    ],
)
async def test_what_is_no_table_of_people_makes_nobody(database: Database, text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        await import_users(database, text, NOW)
    async with database.read() as connection:
        assert await accounts.list_users(connection) == []

"""The managers' pages over real HTTP on both databases: the log counts what it lists, the export is safe in a
spreadsheet, and the forms of people, account and customers do what they say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, update

from core.accounts import find_user_by_login
from core.db import Database
from core.facts import PeopleChanged, SessionsEnded
from pbx_bridge.tables import BlindWindow, Call, CallMoment
from tests import seed
from tests.seed import PASSWORD, seed_site
from tests.web import Site, Visitor, open_site, visit


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    await seed_site(database, calls=70)
    async with open_site(database) as site:
        yield site


@pytest.fixture
async def maria(site: Site) -> AsyncIterator[Visitor]:
    async with visit(site) as visitor:
        await visitor.enter("maria")
        yield visitor


@pytest.fixture
async def admin(site: Site) -> AsyncIterator[Visitor]:
    async with visit(site) as visitor:
        await visitor.enter("admin")
        yield visitor


async def listed(visitor: Visitor, query: str) -> list[str]:
    """Ids of all calls of a filter, page after page."""
    ids: list[str] = []
    path: str | None = f"/calls?{query}"
    while path is not None:
        text = await (await visitor.get(path)).text()
        ids += re.findall(r'class="row-link" href="/calls/([^"]+)"', text)
        more = re.search(r'<tr class="more".*?href="([^"]+)"', text, re.DOTALL)
        path = more[1].replace("&amp;", "&") if more else None
    return ids


async def figure(visitor: Visitor, query: str, verdict: str) -> int:
    text = await (await visitor.get(f"/calls?{query}")).text()
    shown = re.search(rf'class="figure {verdict}".*?figure-value num">(\d+)<', text, re.DOTALL)
    return int(shown[1]) if shown else 0


async def test_p25_each_figure_counts_exactly_the_calls_its_link_lists(maria: Visitor) -> None:
    for query in (
        "when=all",
        "when=today",
        "when=30d&queue=sales",
        "when=all&direction=outbound",
        "when=all&agent=3",
    ):
        total = await listed(maria, query)
        assert len(total) == len(set(total)), "no call twice over the pages"
        parts = 0
        for verdict in ("answered", "missed", "abandoned", "voicemail", "busy", "failed"):
            calls = await listed(maria, f"{query}&verdict={verdict}")
            assert await figure(maria, query, verdict) == len(calls), (query, verdict)
            assert set(calls) <= set(total)
            parts += len(calls)
        assert len(total) - parts in {0, 1}, "the one call that goes on has no verdict"


async def test_calls_at_the_same_instant_are_listed_once_over_pages(site: Site, maria: Visitor) -> None:
    async with site.database.write() as connection:
        await connection.execute(update(Call).values(started_at=seed.NOW - 500))
    ids = await listed(maria, "when=all")
    assert len(ids) == len(set(ids)) == 70


async def test_a_number_is_found_in_any_spelling_and_never_by_its_end(maria: Visitor) -> None:
    plain = await listed(maria, "when=all&number=%2B48226000001")
    assert plain
    for spelling in ("0048+22+600+00+01", "(022)+600-00-01", "22/600/00/01"):
        assert await listed(maria, f"when=all&number={spelling}") == plain
    assert await listed(maria, "when=all&number=00001") == []
    assert await listed(maria, "when=all&number=%25") == []


async def test_blind_windows_stand_between_the_calls_on_exactly_one_page(maria: Visitor) -> None:
    texts = []
    path: str | None = "/calls?when=all"
    while path is not None:
        texts.append(await (await maria.get(path)).text())
        more = re.search(r'<tr class="more".*?href="([^"]+)"', texts[-1], re.DOTALL)
        path = more[1].replace("&amp;", "&") if more else None
    assert sum(text.count('<tr class="blind"') for text in texts) == 2
    assert any("Blind" in text and "21:56–22:01" in text for text in texts)
    assert "2 calls went on through it, 1 call ended unseen" in texts[0]


async def test_a_blind_window_of_the_pbx_page_leads_to_its_place_in_the_log(admin: Visitor) -> None:
    text = await (await admin.get("/admin/pbx")).text()
    links = re.findall(r'href="(/calls\?when=custom[^"]+)#(blind-[^"]+)"', text)
    assert len(links) == 2
    for path, place in links:
        assert f'id="{place}"' in await (await admin.get(path.replace("&amp;", "&"))).text()


async def test_a_blind_time_that_lasts_says_so(site: Site, maria: Visitor) -> None:
    async with site.database.write() as connection:
        row = {"pbx": "office", "since": seed.NOW - 60, "until": None, "reason": "connection refused"}
        await connection.execute(insert(BlindWindow).values(row))
    text = await (await maria.get("/calls?when=today")).text()
    assert "23:25–now" in text


async def test_names_of_callers_are_text_not_markup(maria: Visitor) -> None:
    text = await (await maria.get("/calls?when=all")).text()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_the_export_holds_the_filtered_calls_and_no_formula(site: Site, maria: Visitor) -> None:
    async with site.database.write() as connection:
        hostile = '=HYPERLINK("http://evil.example","click")'
        await connection.execute(update(Call).where(Call.direction == "inbound").values(caller_name=hostile))
    answer = await maria.get("/calls.csv?when=all&direction=inbound")
    assert answer.content_type == "text/csv"
    rows = list(csv.DictReader(io.StringIO((await answer.text()).lstrip("\ufeff"))))
    assert {row["id"] for row in rows} == set(await listed(maria, "when=all&direction=inbound"))
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert rows[0]["caller_name"].startswith("'=")


async def test_asking_for_the_head_of_the_export_exports_nothing(
    maria: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await maria.ask("HEAD", "/calls.csv?when=all", headers={"Origin": ""})
    assert (answer.status, answer.content_type) == (200, "text/csv")
    assert not any("calls exported" in record.getMessage() for record in caplog.records)


async def test_a_call_that_goes_on_shows_who_rings_or_talks(site: Site, maria: Visitor) -> None:
    row = {
        "id": "open-1",
        "pbx": "office",
        "direction": "inbound",
        "started_at": seed.NOW - 5,
        "linkedids": "",
    }
    story = (("ringing", "101"), ("ringing", "102"), ("stopped", "102"))
    async with site.database.write() as connection:
        await connection.execute(insert(Call).values(row))
        for kind, extension in story:
            moment = {"call_id": "open-1", "at": seed.NOW - 4, "kind": kind, "extension": extension}
            await connection.execute(insert(CallMoment).values(moment))
    text = await (await maria.get("/calls?when=today")).text()
    assert "ringing: Anna Kowalska<" in text
    async with site.database.write() as connection:
        moment = {"call_id": "open-1", "at": seed.NOW - 3, "kind": "answered", "extension": "101"}
        await connection.execute(insert(CallMoment).values(moment))
    text = await (await maria.get("/calls?when=today")).text()
    assert '<td class="ours">Anna Kowalska</td>' in text


async def test_a_call_page_explains_its_verdict_and_tells_its_story(site: Site, maria: Visitor) -> None:
    ids = await listed(maria, "when=all&verdict=answered&direction=inbound")
    text = await (await maria.get(f"/calls/{ids[0]}")).text()
    assert "talked to the caller for" in text
    assert "Entered the queue" in text
    assert 'class="span talking"' in text
    assert (await maria.get("/calls/no-such-call")).status == 404


async def test_a_filter_that_makes_no_sense_is_a_readable_page(maria: Visitor) -> None:
    answer = await maria.get("/calls?verdict=splendid")
    assert answer.status == 422
    assert "Verdict is one of" in await answer.text()
    assert (await maria.get("/calls?after=rubbish")).status == 422


async def test_an_administrator_adds_somebody_who_can_log_in_at_once(site: Site, admin: Visitor) -> None:
    form = {
        "name": "Ewa Nowa", "login": "ewa", "role": "agent",
        "pbx": "office", "device": "PJSIP/105", "extension": "",
    }  # fmt: skip
    answer = await admin.post_on("/admin/users", form)
    page = await answer.text()
    shown = re.search(r'id="fresh-password">([^<]+)<', page)
    assert shown is not None
    assert isinstance(site.said[-1], PeopleChanged)
    async with visit(site) as ewa:
        assert (await ewa.log_in("ewa", shown[1])).status == 303
    async with site.database.read() as connection:
        user = await find_user_by_login(connection, "ewa")
    assert user is not None
    assert [(d.device, d.extension) for d in user.devices] == [("PJSIP/105", "105")]
    assert "was shown once" in await (await admin.get(answer.url.path)).text()


async def test_a_refused_form_keeps_what_was_typed_and_says_where(admin: Visitor) -> None:
    form = {
        "name": "Ewa", "login": "ewa", "role": "agent",
        "pbx": "office", "device": "PJSIP/101", "extension": "101",
    }  # fmt: skip
    answer = await admin.post("/admin/users", form)
    text = await answer.text()
    assert answer.status == 422
    assert "belongs to Anna Kowalska" in text
    assert 'value="PJSIP/101"' in text
    assert 'id="devices-error"' in text


async def test_disabling_somebody_ends_their_sessions(site: Site, admin: Visitor) -> None:
    async with visit(site) as anna:
        await anna.enter("anna")
        async with site.database.read() as connection:
            user = await find_user_by_login(connection, "anna")
        assert user is not None
        assert (await admin.post(f"/admin/users/{user.id}/disable")).status == 303
        assert (await anna.get("/customers")).status == 303
        assert SessionsEnded(user.id, seed.NOW, None) in site.said
        assert (await admin.post(f"/admin/users/{user.id}/enable")).status == 303
        assert (await anna.log_in("anna")).status == 303


async def test_the_last_administrator_stays(admin: Visitor, site: Site) -> None:
    async with site.database.read() as connection:
        user = await find_user_by_login(connection, "admin")
    assert user is not None
    answer = await admin.post(f"/admin/users/{user.id}/disable")
    assert answer.status == 409
    assert "last administrator" in await answer.text()


async def test_changing_the_password_logs_out_all_other_browsers(site: Site, maria: Visitor) -> None:
    new = "four plain words here"
    async with visit(site) as elsewhere:
        await elsewhere.enter("maria")
        wrong = {"old": "nonsense", "new": new, "again": new}
        assert (
            "this is not your password"
            in (await (await maria.post("/account/password", wrong)).text()).lower()
        )
        short = {"old": PASSWORD, "new": "short", "again": "short"}
        assert (await maria.post("/account/password", short)).status == 422
        good = {"old": PASSWORD, "new": new, "again": new}
        assert (await maria.post("/account/password", good)).status == 303
        assert (await maria.get("/account")).status == 200
        assert (await elsewhere.get("/account")).status == 303
        assert (await elsewhere.log_in("maria")).status == 401
        assert (await elsewhere.log_in("maria", new)).status == 303


async def test_a_customer_is_added_found_edited_and_annotated(maria: Visitor) -> None:
    form = {"name": "Łucja Dębska", "company": "Dąb", "number": "22 600 77 01", "email": "lucja@example.com"}
    answer = await maria.post("/customers", form)
    path = answer.headers["Location"]
    for text in ("lucj", "debska", "0048226007701", "lucja@example.com"):
        assert path in await (await maria.get(f"/customers?q={text}")).text(), text
    version = re.search(r'name="version" value="(\d+)"', await (await maria.get(path)).text())
    assert version is not None
    change = {"name": "Łucja Nowak", "company": "Dąb", "owner": "", "version": version[1]}
    assert (await maria.post(path, change)).status == 303
    stale = await maria.post(path, change | {"name": "Somebody else"})
    assert stale.status == 409
    assert (await maria.post(f"{path}/tags", {"tag": "VIP"})).status == 303
    assert (await maria.post(f"{path}/notes", {"text": "Likes <b>tea</b>", "pinned": "yes"})).status == 303
    assert (await maria.post(f"{path}/identities", {"text": "+48 22 600 77 02"})).status == 303
    text = await (await maria.get(path)).text()
    assert "Łucja Nowak" in text
    assert "Likes &lt;b&gt;tea" in text
    assert "+48 22 600 77 02" in text
    assert "VIP" in text.upper()


async def test_a_number_that_is_none_is_refused_beside_its_field(maria: Visitor) -> None:
    answer = await maria.post("/customers", {"name": "X", "company": "", "number": "12ab", "email": ""})
    assert answer.status == 422
    assert 'id="number-error"' in await answer.text()


async def test_another_persons_note_is_not_mine_to_rewrite(site: Site, maria: Visitor) -> None:
    await maria.post("/customers/1/notes", {"text": "by Maria"})
    note = re.search(r"/customers/1/notes/(\d+)/delete", await (await maria.get("/customers/1")).text())
    assert note is not None
    async with visit(site) as anna:
        await anna.enter("anna")
        assert (await anna.post(f"/customers/1/notes/{note[1]}", {"text": "by Anna"})).status == 403
        assert (await anna.post(f"/customers/1/notes/{note[1]}/delete")).status == 403


async def test_the_pbx_page_lists_alarms_and_blind_windows(admin: Visitor) -> None:
    text = await (await admin.get("/admin/pbx")).text()
    assert "clock is 4.2 s ahead" in text
    assert text.count("the connection to the PBX was lost") == 2


async def test_the_administrator_is_led_to_what_programs_use(admin: Visitor) -> None:
    text = await (await admin.get("/admin/pbx")).text()
    for path in ("/api/docs", "/metrics", "/health/ready"):
        assert f'href="{path}"' in text
        assert (await admin.get(path)).status in {200, 503}, path


@pytest.mark.parametrize(
    "path",
    [
        "/desk",
        "/calls",
        "/customers",
        "/customers/1",
        "/account",
        "/admin/users",
        "/admin/keys",
        "/admin/pbx",
    ],
)
async def test_every_screen_with_times_names_their_zone(admin: Visitor, path: str) -> None:
    text = await (await admin.get(path)).text()
    assert "Times are in Europe/Warsaw." in text


async def test_a_call_that_became_part_of_another_is_told_as_such(site: Site, maria: Visitor) -> None:
    call_id, at = "joined-1", seed.NOW - 60
    row = {"id": call_id, "pbx": "office", "direction": "inbound", "started_at": at, "linkedids": call_id}
    story = [("started", None, "226000100"), ("answered", "101", None), ("started", None, "102")]
    moments = [
        {"call_id": call_id, "at": at + place, "kind": kind, "extension": phone, "detail": detail}
        for place, (kind, phone, detail) in enumerate(story)
    ]
    async with site.database.write() as connection:
        await connection.execute(insert(Call).values(row))
        await connection.execute(insert(CallMoment), moments)
    text = await (await maria.get(f"/calls/{call_id}")).text()
    assert text.count("The call began") == 1
    assert "Another call began that became part of this one; dialled: Bartosz Nowak (102)" in text

"""Who answers: people, what they say of themselves, the state of their phones and queues, and the calls they have now.
The same live board as the desks (`server/live/board.py`)."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.accounts import Role, User, find_user, list_users
from core.errors import NotFoundError
from core.facts import Direction
from server.api.cut import cut
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging
from server.live.agent_states import AgentState
from server.live.cards import CardState
from server.live.snapshot import UserView
from server.live.socket import LIVE
from server.web.keys import DATABASE


class AgentsQuery(Paging):
    state: AgentState | None = Field(None, description="Only people who say this of themselves.")


class Device(Given):
    pbx: str
    device: str = Field(examples=["PJSIP/101"])
    extension: str
    state: str | None = Field(
        description="Asterisk's word (NOT_INUSE, INUSE, RINGING, UNAVAILABLE …); null when it was not told."
    )


class Membership(Given):
    """A queue the agent is a member of with one of their phones."""

    pbx: str
    name: str
    waiting: int = Field(description="Callers waiting now.")
    oldest_since: Instant | None = Field(description="Since when the first of them waits.")
    paused: bool
    pause_reason: str | None


class CurrentCall(Given):
    call_id: str
    state: CardState
    since: Instant
    direction: Direction
    number: str | None = Field(description="The other party: E.164, as dialled, or a colleague's extension.")


class Agent(Given):
    id: int
    login: str
    name: str
    role: Role
    state: AgentState = Field(description="What they say of themselves.")
    reason: str | None = Field(description="Why they are paused.")
    since: Instant | None
    desk_open: bool = Field(description="Whether a browser of theirs shows the desk: screen pops reach them.")
    devices: list[Device]
    queues: list[Membership]
    calls: list[CurrentCall] = Field(
        description="Calls that ring or connect one of their phones, and wrap-ups."
    )


class Agents(Page):
    agents: list[Agent] = Field(description="By id. People who were disabled are left out.")


@operation("Everybody who answers", tag="Agents")
async def list_agents(request: web.Request, query: AgentsQuery) -> Agents:
    """As they are at this moment."""
    async with request.app[DATABASE].read() as connection:
        users = await list_users(connection)
    agents = [_agent(request, user) for user in users if not user.disabled]
    wanted = [one for one in agents if query.state in (None, one.state)]
    page, after = cut(wanted, query, lambda one: one.id, int)
    return Agents(agents=page, next=after)


@operation("One agent", tag="Agents")
async def read_agent(request: web.Request, agent_id: int) -> Agent:
    """State, phones, queues and calls of this moment."""
    async with request.app[DATABASE].read() as connection:
        user = await find_user(connection, agent_id)
    if user is None or user.disabled:
        raise NotFoundError(f"there is no agent {agent_id}")
    return _agent(request, user)


def _agent(request: web.Request, user: User) -> Agent:
    hub = request.app[LIVE]
    view = hub.board.view(user.id)
    return Agent(
        id=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        state=AgentState(view.agent.state),
        reason=view.agent.reason,
        since=view.agent.since,
        desk_open=hub.is_open(user.id),
        devices=_devices(user, view),
        queues=[Membership.model_validate(queue) for queue in view.queues],
        calls=[CurrentCall.model_validate(card) for card in view.cards],
    )


def _devices(user: User, view: UserView) -> list[Device]:
    states = {(one.pbx, one.device): one.state for one in view.devices}
    return [
        Device(
            pbx=one.pbx, device=one.device, extension=one.extension, state=states.get((one.pbx, one.device))
        )
        for one in user.devices
    ]

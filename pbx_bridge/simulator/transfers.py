"""What a phone can do with a call it talks on: send it on at once (blind transfer), ask a colleague first
(consultation) and then leave the two together (attended transfer). Orders are those of REFER on Asterisk 22: a blind
transfer is announced before the bridge moves, an attended one afterwards."""

from __future__ import annotations

from pbx_bridge.simulator.call import CallOverError, SimulatedCall
from pbx_bridge.simulator.state import RING, Bridge, Channel, Headers, bridge_headers, channel_headers


def blind_transfer(call: SimulatedCall, to: str) -> None:
    """The agent on `call` sends the caller to the extension `to` and is out; that phone rings."""
    world, caller, peer = call.world, call.caller, _talking(call)
    bridge = _bridge(peer)
    world.say("Unhold", peer)
    world.emit(
        "BlindTransfer",
        {
            "Result": "Success",
            **channel_headers(peer, "Transferer"),
            **channel_headers(caller, "Transferee"),
            **bridge_headers(bridge),
            "IsExternal": "Yes",
            "Context": "internal",
            "Extension": to,
        },
    )
    call.part_from(peer, None)
    world.leave(peer)
    caller.context, caller.exten, caller.priority = "internal", to, 1
    world.leave(caller)
    world.destroy(bridge)
    world.hang_up(peer)
    call.rings([to])


def consult(call: SimulatedCall, to: str) -> SimulatedCall:
    """The agent on `call` holds it and rings a colleague; the answer is that second call."""
    world, peer = call.world, _talking(call)
    call.hold()
    own = world.new_channel(peer.device, state=RING, caller=peer.caller, exten=to)
    second = SimulatedCall(world, own)
    second.rings([to])
    return second


def attended_transfer(call: SimulatedCall, consultation: SimulatedCall) -> None:
    """The agent leaves the caller and the colleague (who has answered) together."""
    world, caller, peer = call.world, call.caller, _talking(call)
    own, colleague = consultation.caller, _talking(consultation)
    first, second = _bridge(peer), _bridge(own)
    before = _before(call, consultation, first, second)
    world.say("Unhold", peer)
    world.say("Unhold", own)
    world.leave(colleague)
    world.leave(peer)
    colleague.linkedid = caller.linkedid
    world.enter(first, colleague, swap=peer)
    world.soft_hangup(own, 1)
    world.emit("AttendedTransfer", {**before, "DestType": "Bridge", "DestBridgeUniqueid": first.uniqueid})
    call.part_from(peer, colleague)
    world.leave(own)
    world.destroy(second)
    world.soft_hangup(own)
    world.hang_up(peer)
    consultation.peer = None
    consultation.cdr.send(own)
    world.hang_up(own)
    world.set_connected(colleague, caller.caller)
    world.set_connected(caller, colleague.caller)


def _before(call: SimulatedCall, consultation: SimulatedCall, first: Bridge, second: Bridge) -> Headers:
    """Everybody as they were when the agent pressed the key."""
    return {
        "Result": "Success",
        **channel_headers(_talking(call), "OrigTransferer"),
        **bridge_headers(first, "Orig"),
        **channel_headers(consultation.caller, "SecondTransferer"),
        **bridge_headers(second, "Second"),
        **channel_headers(call.caller, "Transferee"),
        **channel_headers(_talking(consultation), "TransferTarget"),
        "IsExternal": "No",
    }


def _talking(call: SimulatedCall) -> Channel:
    if call.is_over or call.peer is None:
        raise CallOverError("nobody talks on this call")
    return call.peer


def _bridge(channel: Channel) -> Bridge:
    if channel.bridge is None:
        raise CallOverError(f"{channel.name} is in no bridge")
    return channel.bridge

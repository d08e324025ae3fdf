"""One dialog with its timer, request by request: offers that cross, answers that come twice, changes that are refused."""

from __future__ import annotations

from timer_builders import CHANGED, THEIRS, USUAL, a_callee, a_caller, a_request, answered

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.session_timer.keeper import POSTPONED_S, Keeper
from sipstub.session_timer.setting import RefreshMethod, TimerSettings
from sipstub.session_timer.step import Reason
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.message import Request

OURS = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\n"
HELD = b"v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\na=sendonly\r\n"
THEY = "Session-Expires: 300;refresher=uas"
WE = "Session-Expires: 300;refresher=uac"
KNOWS = "Supported: timer"
UPDATES = TimerSettings(method=RefreshMethod.UPDATE)


class Media:
    """Describes, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, offered: bytes) -> bytes | None:
        self.times += 1
        return None if b"video" in offered else OURS.replace(b"1 1 IN", b"1 %d IN" % (self.times + 10))


def a_keeper(timer: SessionTimer, media: Media | None = None) -> Keeper:
    dialog: Dialog = dialog_of_server(a_request("Contact: <sip:100@10.1.1.1>"), "us", is_accepted=True)
    return Keeper(dialog, timer, media or Media(), headers=(("Contact", "<sip:200@10.0.0.1>"),), description=OURS)


def a_refresher(settings: TimerSettings = USUAL, media: Media | None = None) -> Keeper:
    return a_keeper(a_callee(THEY, KNOWS, settings=settings), media)


def ok(keeper: Keeper, request: Request, now: float, *lines: str, body: bytes = b"") -> list[Request]:
    response = answered(request, 200, *lines)
    if body:
        response.set_body(body, "application/sdp")
    return keeper.answered(request, response, now)


def test_a_refresh_waits_for_a_reinvite_of_ours_and_is_needless_after_it() -> None:
    keeper = a_refresher()
    hold = keeper.ask("INVITE", 149.0, HELD)
    assert hold is not None and keeper.ask("INVITE", 149.0, HELD) is None
    assert keeper.on_timer(150.0) == [] and keeper.next_timer == 150 + POSTPONED_S
    (ack,) = ok(keeper, hold, 150.5, WE)
    assert (ack.method, ack.cseq.number) == ("ACK", hold.cseq.number) and keeper.next_timer == 150.5 + 150
    assert keeper.description == HELD


def test_a_refresh_waits_for_the_answer_to_an_offer_in_a_2xx_of_ours() -> None:
    keeper = a_refresher()
    response = keeper.receive(a_request(THEY, KNOWS, cseq=2), 10.0)
    assert response.status == 200 and response.body
    assert keeper.on_timer(160.0) == []
    keeper.acknowledged(a_request(method="ACK", body=THEIRS))
    (refresh,) = keeper.on_timer(160.0 + POSTPONED_S)
    assert refresh.method == "INVITE"


def test_an_update_without_offer_does_not_wait_for_a_reinvite() -> None:
    keeper = a_refresher(UPDATES)
    keeper.ask("INVITE", 149.0, HELD)
    assert [request.method for request in keeper.on_timer(150.0)] == ["UPDATE"]


def test_a_change_that_is_refused_leaves_the_description_as_it_was() -> None:
    keeper = a_refresher()
    hold = keeper.ask("INVITE", 10.0, HELD)
    assert hold is not None and keeper.answered(hold, answered(hold, 488), 10.0) == []
    (refresh,) = keeper.on_timer(150.0)
    assert refresh.body == OURS


def test_a_change_that_gets_422_is_repeated_with_its_offer() -> None:
    keeper = a_refresher()
    hold = keeper.ask("INVITE", 10.0, HELD)
    assert hold is not None
    (again,) = keeper.answered(hold, answered(hold, 422, "Min-SE: 900"), 10.0)
    assert again.body == HELD and again.cseq.number == hold.cseq.number + 1 and again.headers.get("Min-SE") == "900"


def test_an_answer_in_the_ack_is_made_once_however_often_the_2xx_comes() -> None:
    media = Media()
    keeper = a_refresher(media=media)
    invite = keeper.ask("INVITE", 10.0)
    assert invite is not None
    acks = [ok(keeper, invite, 10.0 + number, WE, body=THEIRS.encode())[0] for number in range(3)]
    assert media.times == 1 and len({ack.body for ack in acks}) == 1 and acks[0].body.startswith(b"v=0")


def test_a_2xx_that_comes_again_does_not_open_the_way_for_a_second_reinvite() -> None:
    keeper = a_refresher()
    first = keeper.ask("INVITE", 10.0, HELD)
    assert first is not None
    ok(keeper, first, 10.0, WE)
    second = keeper.ask("INVITE", 11.0, OURS)
    assert second is not None
    (ack,) = ok(keeper, first, 12.0, WE)
    assert ack.cseq.number == first.cseq.number and keeper.ask("INVITE", 12.0, HELD) is None
    ok(keeper, second, 13.0, WE)
    ok(keeper, first, 14.0, WE)
    assert keeper.description == OURS and keeper.timer.expires_at == 313.0


def test_bye_is_said_once() -> None:
    keeper = a_keeper(a_caller(THEY))
    (bye,) = keeper.on_timer(300.0)
    assert (bye.method, bye.headers.get("Supported"), keeper.ended) == ("BYE", "timer", Reason.SILENCE)
    assert keeper.hang_up() == [] and keeper.on_timer(900.0) == [] and keeper.dialog.is_ended


def test_no_bye_is_said_for_a_call_that_the_peer_has_ended() -> None:
    keeper = a_refresher()
    keeper.dialog.end()
    assert keeper.hang_up() == [] and keeper.next_timer is None


def test_a_reinvite_moves_the_target_of_later_requests() -> None:
    keeper = a_refresher()
    assert keeper.receive(a_request(THEY, KNOWS, "Contact: <sip:100@10.1.1.9>", cseq=2, body=THEIRS), 10.0).status == 200
    assert keeper.hang_up()[0].uri_text == "sip:100@10.1.1.9"


def test_a_refused_request_is_over() -> None:
    keeper = a_refresher()
    for lines, status in ((("x: soon",), 400), (("x: 20", KNOWS), 422)):
        for method in ("UPDATE", "INVITE"):
            assert keeper.receive(a_request(*lines, method=method, cseq=2), 10.0).status == status
    assert keeper.receive(a_request(THEY, KNOWS, cseq=3, body="v=0\r\no=x\r\nm=video"), 10.0).status == 488
    assert keeper.receive(a_request(THEY, KNOWS, cseq=4, body=CHANGED), 10.0).status == 200
    assert keeper.timer.expires_at == 310.0


def test_an_answer_in_the_ack_is_what_later_offers_are_compared_with() -> None:
    keeper = a_refresher()
    keeper.receive(a_request(THEY, KNOWS, cseq=2), 10.0)
    keeper.acknowledged(a_request(method="ACK", cseq=2, body=CHANGED))
    said = keeper.description
    assert keeper.receive(a_request(THEY, KNOWS, cseq=3, body=CHANGED), 20.0).body == said
    assert keeper.receive(a_request(THEY, KNOWS, cseq=4, body=THEIRS), 30.0).body != said


def test_t_46_t_47_every_reinvite_that_refreshes_has_the_offer_of_before_to_the_byte() -> None:
    keeper = a_refresher(TimerSettings(method=RefreshMethod.REINVITE), media := Media())
    for at in (150.0, 300.0, 450.0):
        (invite,) = keeper.on_timer(at)
        assert invite.body == OURS and media.times == 0, "nothing was described anew"
        ok(keeper, invite, at, WE, body=THEIRS.encode())

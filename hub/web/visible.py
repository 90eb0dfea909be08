"""Things that only some may see, found for those who may; for the others they are not there."""

from hub.errors import UnknownSubjectError
from hub.rules.permissions import Action, Actor, Subject, explain_refusal
from hub.services.decide_change import find_request
from hub.store.change_requests import ChangeRequest
from hub.web.context import Hub


def find_visible(hub: Hub, actor: Actor, number: int) -> ChangeRequest:
    """Return a request to staff, who asked for it, whom it is asked of, and who may see its system's production."""
    with hub.database.read() as connection:
        request = find_request(connection, number)
    own = {request.requested_by, request.wish.account}
    subject = Subject(request.wish.system)
    if actor.name not in own and explain_refusal(actor, Action.VIEW_PRODUCTION, subject, hub.now()) is not None:
        message = f"there is no change request {number} for you to see"
        raise UnknownSubjectError(message)
    return request

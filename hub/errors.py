"""What can go wrong in the hub that is not a bug.

    HubError
    |-- InputError               what was asked for is malformed; say it differently
    |-- UnknownSubjectError      names a system, device, meter or month that is not here
    |-- AlreadyRegisteredError   contradicts what is registered
    |-- OutdatedError            changes something that is not any more as whoever asks saw it
    |-- UnderivableError         a block in custody whose content cannot be stored as readings
    |-- NotIdentifiedError       nobody is known by what came with the request
    |-- ThrottledError           it was tried too often; the same may be tried again in a while
    |-- NotAllowedError          who asks may not do this, and the sentence says what is missing
    |-- SettingsError            the hub cannot start this way
    |-- StoreUnavailableError    the database cannot be written now: disk full, locked, gone
    `-- BackupError              a backup cannot be made, or does not hold what it should

Each message is one sentence that names the thing and what to do.
"""


class HubError(Exception):
    """Any failure of the hub that a person or the world caused."""


class InputError(HubError):
    """A value a person or program gave is malformed."""


class UnknownSubjectError(HubError):
    """A system, device or meter that is not registered, or a month without readings."""


class AlreadyRegisteredError(HubError):
    """A registration that contradicts an earlier one."""


class OutdatedError(HubError):
    """A change of something that somebody else has changed in the meantime; nothing was changed."""


class UnderivableError(HubError):
    """What a block says cannot be stored; its bytes stay in custody."""


class NotIdentifiedError(HubError):
    """A request that needs to say whose it is, and does not."""


class ThrottledError(HubError):
    """Something was tried too often: `seconds` is how long to wait."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotAllowedError(HubError):
    """A request of somebody who may not do this."""


class SettingsError(HubError):
    """The hub cannot start with these settings, on this folder or at this address."""


class StoreUnavailableError(HubError):
    """The database refused for a reason outside the program; the same request may succeed later."""


class BackupError(HubError):
    """A backup that cannot be made, or that does not hold what it should; nothing was changed."""

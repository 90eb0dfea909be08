"""Everything that can be wrong with bytes, values or keys at the wire, as one family.

    ProtocolError                 (a ValueError: the input is at fault, never this program)
    ├── MalformedError            the bytes or the value are not MRC/1 and never will be
    │   ├── TooLargeError         it would be, but for its size
    │   └── IdentityError         a text that is not a device id
    ├── UnsupportedError          well formed, but only a newer reader can say what it means
    ├── UnverifiedError           a receipt, command or key statement that the right key did not sign
    ├── TopicError                an MQTT topic that is not ours, or not in its own partition
    └── UnusableKeyError          a key that is neither Ed25519 nor P-256, or no key at all

A decoder of this package raises nothing else, whatever bytes it is given.
"""

from __future__ import annotations


class ProtocolError(ValueError):
    """Something that came over the wire, or was about to go over it, breaks MRC/1."""


class MalformedError(ProtocolError):
    """Bytes or a value that are not MRC/1: wrong form, type, length, range or order."""


class TooLargeError(MalformedError):
    """A message beyond the size that every reader accepts; the sender has to split it."""


class IdentityError(MalformedError):
    """A device id that is not 16 characters of lower-case base32."""


class UnsupportedError(ProtocolError):
    """A well-formed message that says it must not be read without knowing something this version does not know."""


class UnverifiedError(ProtocolError):
    """A message that must be believed before it is acted upon, and that the expected key did not sign."""


class TopicError(ProtocolError):
    """An MQTT topic that is not one of ours, or that lies in a partition its device does not belong to."""


class UnusableKeyError(ProtocolError):
    """A key that cannot sign or verify MRC/1: not Ed25519, not P-256, or not a key."""

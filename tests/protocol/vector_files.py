"""How golden vectors are written to files, and how a set of files is frozen.

Each vector is a `.cbor` (or `.cborseq`) file with a `.json` beside it that describes it; `SHA256SUMS` lists all of them
in the form that `sha256sum --check` reads.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from protocol import cbor, cose, sequence
from protocol.identity import hash_block

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.cose import SigningKey

MANIFEST = "SHA256SUMS"


class GoldenFile(Protocol):
    """Bytes with a description that lets another implementation reproduce them."""

    @property
    def sealed(self) -> bytes:
        """The bytes."""

    @property
    def suffix(self) -> str:
        """What the name of the file with the bytes ends in."""

    def to_json(self) -> str:
        """Return the description."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One sealed message."""

    title: str
    signer: str
    key: SigningKey
    sealed: bytes
    suffix: str = ".cbor"

    def to_json(self) -> str:
        """Return the vector as text."""
        payload = cose.open_envelope(self.sealed).payload
        content = {
            "title": self.title,
            "signer": self.signer,
            "signer_spki": self.key.spki.hex(),
            "payload_diagnostic": diagnostic(cbor.decode(payload)),
            "payload": payload.hex(),
            "sealed": self.sealed.hex(),
            "sha256": hash_block(self.sealed).hex(),
        }
        return json.dumps(content, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class SequenceVector:
    """A CBOR sequence of other vectors, which it names in order."""

    title: str
    names: tuple[str, ...]
    sealed: bytes
    suffix: str = ".cborseq"

    def to_json(self) -> str:
        """Return the vector as text."""
        items = [
            {"name": name, "bytes": len(item), "sha256": hash_block(item).hex()}
            for name, item in zip(self.names, sequence.split(self.sealed), strict=True)
        ]
        content = {"title": self.title, "items": items, "sha256": hash_block(self.sealed).hex()}
        return json.dumps(content, indent=2) + "\n"


def diagnostic(value: object) -> str:
    """Return a value in CBOR diagnostic notation (RFC 8949 §8)."""
    match value:
        case bytes():
            return f"h'{value.hex()}'"
        case list():
            return f"[{', '.join(map(diagnostic, value))}]"
        case dict():
            return "{" + ", ".join(f"{diagnostic(key)}: {diagnostic(entry)}" for key, entry in value.items()) + "}"
        case _:
            return json.dumps(value)


def read_manifest(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each frozen file by its name."""
    lines = (folder / MANIFEST).read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def changed(folder: Path) -> list[str]:
    """Return the names of frozen files that are gone or are not what was frozen."""
    return [name for name, digest in read_manifest(folder).items() if _digest(folder / name) != digest]


def freeze(folder: Path, vectors: dict[str, GoldenFile]) -> None:
    """Write the vectors that the folder does not have yet and freeze them; those that it has stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, vector in vectors.items():
        for path, content in (
            (folder / f"{name}{vector.suffix}", vector.sealed),
            (folder / f"{name}.json", vector.to_json().encode()),
        ):
            if not path.exists():
                path.write_bytes(content)
    names = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)
    (folder / MANIFEST).write_text("".join(f"{_digest(folder / name)}  {name}\n" for name in names))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"

"""The published store by one name: who writes it, who reads it, and what passes between them."""

from __future__ import annotations

from provisioner.inventory.static_file import StaticFile
from provisioner.state.folder import StateFolder
from provisioner.state.publication import Content, NewFile, Publication, Published, PublishedPhone
from provisioner.state.publisher import Publisher
from provisioner.state.source import PublishedSource

__all__ = [
    "Content",
    "NewFile",
    "Publication",
    "Published",
    "PublishedPhone",
    "PublishedSource",
    "Publisher",
    "StateFolder",
    "StaticFile",
]

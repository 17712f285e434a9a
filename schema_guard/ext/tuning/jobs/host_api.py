# SPDX-License-Identifier: Apache-2.0
"""What a host of tuning is asked, whoever it is: files, jobs, dates.

Rules: what is made there is named by the job's mark, so that it is found again when an answer was lost. A host does
nothing twice by itself: who calls looks first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.remote import RemoteFile, RemoteJob, TuningOrder
    from schema_guard.ext.tuning.jobs.wire import Wire

__all__ = ["HostApi"]


class HostApi(ABC):
    """Who tunes for others; every method raises `HostError`."""

    def __init__(self, wire: Wire, connects: str) -> None:
        """Make one; nothing is sent.

        Args:
            wire: The connection.
            connects: What stands before a model's name for `connect`.
        """
        self._wire = wire
        self._connects = connects

    @abstractmethod
    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Give the file of a name that was uploaded whole; None where there is none."""

    @abstractmethod
    def upload(self, path: Path, name: str) -> RemoteFile:
        """Upload a file under a name."""

    @abstractmethod
    def file(self, id_: str) -> RemoteFile:
        """Give how far a file is."""

    @abstractmethod
    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Give the job that an order has begun; None where there is none."""

    @abstractmethod
    def start(self, order: TuningOrder) -> RemoteJob:
        """Begin a job."""

    @abstractmethod
    def job(self, id_: str) -> RemoteJob:
        """Give how far a job is."""

    @abstractmethod
    def cancel(self, id_: str) -> RemoteJob:
        """End a job, and give how it is then."""

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

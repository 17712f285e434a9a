# SPDX-License-Identifier: Apache-2.0
"""The attempts of a store as a data frame. The packages are optional, and so is the part that reads into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import polars as pl  # type: ignore[import-not-found,unused-ignore]
    import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from schema_guard.records.backend import Backend

    class WhichAttempts(TypedDict, total=False):
        """The arguments of `Store.to_arrow`."""

        since: float | None
        until: float | None
        schema: str | None
        function: str | None
        texts: bool


class Frames:
    """The methods of `Store` that return data frames."""

    if TYPE_CHECKING:

        @property
        def backend(self) -> Backend:
            """The database."""

        def flush(self, timeout_s: float = 2.0) -> int:
            """Wait until earlier attempts are stored."""

    def to_arrow(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
        texts: bool = False,
    ) -> pa.Table:
        """Return the stored attempts as an Arrow table, with one row for each attempt, in storage order.

        The columns are those of `attempts`. A list without entries is null.

        Args:
            since: As for `attempts`.
            until: As for `attempts`.
            schema: As for `attempts`.
            function: As for `attempts`.
            texts: Whether to add the columns `prompt` and `reply`. They are null unless the store has the text.

        Raises:
            MissingExtra: pyarrow isn't installed.
            StoreError: The store can't be read.
        """
        from schema_guard.extensions import load
        from schema_guard.records.attempts import Where

        self.flush()
        where = Where(since, until, schema, function)
        table: pa.Table = load("frames").arrow_table(self.backend, where, has_texts=texts)
        return table

    def to_pandas(self, **which: Unpack[WhichAttempts]) -> pd.DataFrame:
        """Return the stored attempts as a pandas data frame. The arguments are those of `to_arrow`.

        Raises:
            MissingExtra: pandas or pyarrow isn't installed.
            StoreError: The store can't be read.
        """
        from schema_guard.extensions import load

        frame: pd.DataFrame = load("frames").pandas_frame(self, which)
        return frame

    def to_polars(self, **which: Unpack[WhichAttempts]) -> pl.DataFrame:
        """Return the stored attempts as a Polars data frame. The arguments are those of `to_arrow`.

        Raises:
            MissingExtra: Polars or pyarrow isn't installed.
            StoreError: The store can't be read.
        """
        from schema_guard.extensions import load

        frame: pl.DataFrame = load("frames").polars_frame(self, which)
        return frame

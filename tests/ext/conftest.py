"""The stores of `tests/records`, for the parts that have stores."""

from tests.records.conftest import (  # noqa: F401
    count_rows,
    make,
    new_backend,
    new_schema,
    postgres,
    run,
    start,
    store,
    write,
)

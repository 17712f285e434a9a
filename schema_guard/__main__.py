# SPDX-License-Identifier: Apache-2.0
"""`python -m schema_guard` is the command `schema-guard`."""

import sys

from schema_guard.cli import main

sys.exit(main())

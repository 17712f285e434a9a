# SPDX-License-Identifier: Apache-2.0
"""Optional parts of schema_guard. The product works without any of them, and finds them through `extensions.py`."""

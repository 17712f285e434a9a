# SPDX-License-Identifier: Apache-2.0
"""What the standard library has, with less to load and to make before a first call."""

# SPDX-License-Identifier: Apache-2.0
"""Models that do with schemas, and with replies that are begun, what servers do."""

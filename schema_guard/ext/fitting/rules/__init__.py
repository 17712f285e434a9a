# SPDX-License-Identifier: Apache-2.0
"""What each provider or engine does with each keyword of a schema: a table of rules for each, with its evidence."""

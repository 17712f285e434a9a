# SPDX-License-Identifier: Apache-2.0
"""The effects of each provider or engine on each keyword of a schema, as tables of rules with their evidence."""

# SPDX-License-Identifier: Apache-2.0
"""The forms in which lists of messages come, and how a turn is read, extended and added in each."""

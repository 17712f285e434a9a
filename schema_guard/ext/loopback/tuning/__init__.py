# SPDX-License-Identifier: Apache-2.0
"""Hosts of tuning on loopback: their files, their jobs, and what they refuse."""

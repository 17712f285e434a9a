# SPDX-License-Identifier: Apache-2.0
"""The process that records: how it ends, and how it forks."""

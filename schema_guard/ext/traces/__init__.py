# SPDX-License-Identifier: Apache-2.0
"""Replies that another tool had stored, judged and recorded as guarded calls are."""

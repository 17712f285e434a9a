# SPDX-License-Identifier: Apache-2.0
"""Replies that another tool stored, validated and recorded like those of guarded calls."""

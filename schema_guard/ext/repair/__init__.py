# SPDX-License-Identifier: Apache-2.0
"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy."""

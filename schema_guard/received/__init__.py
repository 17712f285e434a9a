# SPDX-License-Identifier: Apache-2.0
"""Readers that turn any result or exception of a guarded function into the reply of a model."""

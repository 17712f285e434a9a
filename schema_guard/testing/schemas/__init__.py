# SPDX-License-Identifier: Apache-2.0
"""Instances drawn from schemas: valid ones, and such that break one keyword."""

# SPDX-License-Identifier: Apache-2.0
"""Instances drawn from schemas: valid ones, and ones that violate one keyword."""

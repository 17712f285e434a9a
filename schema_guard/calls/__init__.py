# SPDX-License-Identifier: Apache-2.0
"""Drivers of the loop, and the reading of what providers give back."""

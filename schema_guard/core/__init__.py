# SPDX-License-Identifier: Apache-2.0
"""The pure heart: no I/O, no clock, no randomness, no provider's name."""

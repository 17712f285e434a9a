# SPDX-License-Identifier: Apache-2.0
"""What stored calls add up to: roll-ups by configuration and hour, and what is pooled from them."""

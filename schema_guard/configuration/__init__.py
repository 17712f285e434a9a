# SPDX-License-Identifier: Apache-2.0
"""The configuration of guarded functions: its settings, and the facts that follow from them."""

# SPDX-License-Identifier: Apache-2.0
"""Replies as models send them, valid and broken, and models that send them."""

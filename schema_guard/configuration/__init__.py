# SPDX-License-Identifier: Apache-2.0
"""Facts about how a function asks its model, as the settings of its configuration show them."""

# SPDX-License-Identifier: Apache-2.0
"""How values are sent and come back, and whether they are valid on either side."""

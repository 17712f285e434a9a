# SPDX-License-Identifier: Apache-2.0
"""The user's schema as it is read: of one draft, merged, without negations, its patterns anchored."""

# SPDX-License-Identifier: Apache-2.0
"""The user's schema in a plain form: in one draft, merged, and without negations."""

# SPDX-License-Identifier: Apache-2.0
"""The commands of `schema-guard store` that move records: export and import."""

# SPDX-License-Identifier: Apache-2.0
"""Draw values from a schema, valid ones and near misses, for prompts and tests. The choices are fixed or random."""

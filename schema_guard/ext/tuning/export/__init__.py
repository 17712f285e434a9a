# SPDX-License-Identifier: Apache-2.0
"""A training set from records, labeled files, and a person's answers: clean, split, and in a host's form."""

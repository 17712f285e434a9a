# SPDX-License-Identifier: Apache-2.0
"""A training set out of records, labelled files and a person's answers: clean, split, and in a host's own spelling."""

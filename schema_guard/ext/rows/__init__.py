# SPDX-License-Identifier: Apache-2.0
"""A schema over the rows of a dataset."""

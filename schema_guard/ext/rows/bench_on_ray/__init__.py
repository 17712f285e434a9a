# SPDX-License-Identifier: Apache-2.0
"""A run on the workers of a Ray cluster."""

# SPDX-License-Identifier: Apache-2.0
"""Tuning jobs: what is done for a training set, where, and how far it is."""

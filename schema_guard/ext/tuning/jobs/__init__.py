# SPDX-License-Identifier: Apache-2.0
"""Tuning jobs: the plan, the place, and the progress of the work on a training set."""

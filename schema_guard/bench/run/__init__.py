# SPDX-License-Identifier: Apache-2.0
"""The run of a benchmark: a plan, a journal of replies, and the calls that fill it."""

# SPDX-License-Identifier: Apache-2.0
"""From the records of a store to the evidence of one function: configurations, candidates, changes, costs."""

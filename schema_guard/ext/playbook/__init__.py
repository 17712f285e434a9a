# SPDX-License-Identifier: Apache-2.0
"""Run the playbook: measure fixes on the same inputs, one after the other, until the verdict is clear."""

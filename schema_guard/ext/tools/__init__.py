# SPDX-License-Identifier: Apache-2.0
"""Validation and retries of the tool calls in a model's reply, with the schemas of their tools."""

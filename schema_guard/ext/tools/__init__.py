# SPDX-License-Identifier: Apache-2.0
"""The tool calls of a model's reply: judged against the schemas of their tools, and asked for again."""

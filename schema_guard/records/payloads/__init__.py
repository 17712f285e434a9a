# SPDX-License-Identifier: Apache-2.0
"""The texts of prompts and replies: which of them are stored beside the rows, and for how long."""

# SPDX-License-Identifier: Apache-2.0
"""The texts of prompts and replies: what of them is kept beside the rows, and for how long."""

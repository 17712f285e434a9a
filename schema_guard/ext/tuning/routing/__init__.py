# SPDX-License-Identifier: Apache-2.0
"""A tuned model for the primary inputs, the prompt for all others."""

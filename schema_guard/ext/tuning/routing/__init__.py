# SPDX-License-Identifier: Apache-2.0
"""A router between a tuned model for the primary inputs and a prompt for all others."""
